-- Migration: A NOT NULL column without a default, for a table born two lines above
-- Version: 20250601_120000
-- Description: There is no row that could lack it
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS couriers (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

ALTER TABLE couriers ADD COLUMN IF NOT EXISTS title TEXT NOT NULL;

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS couriers;
