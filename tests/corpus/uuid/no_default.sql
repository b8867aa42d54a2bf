-- Migration: A UUID key that does not fill itself
-- Version: 20250601_120000
-- Description: Every INSERT has to bring one along
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS readings (
    id UUID PRIMARY KEY, -- finding: uuid-without-default
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS readings;
