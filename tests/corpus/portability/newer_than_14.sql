-- Migration: What Postgres 15 can do and 14 cannot
-- Version: 20250601_120000
-- Description: The configuration says where it will run
-- Dependencies: []
-- corpus: postgres-version = 14

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS parcels (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    code TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT unique_parcels_code UNIQUE NULLS NOT DISTINCT (code) -- finding: newer-than-target
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS parcels;
