-- Migration: A reserved word as a name
-- Version: 20250601_120000
-- Description: SELECT user is the role's name, not the table's row
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS "user" ( -- finding: reserved-identifier
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    "order" INTEGER, -- finding: reserved-identifier
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS "user";
