-- Migration: What Postgres 18 can do and 17 cannot
-- Version: 20250601_120000
-- Description: A test on a newer server would pass
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS parcels (
    id UUID DEFAULT uuidv7() PRIMARY KEY, -- finding: newer-than-target
    width INTEGER,
    height INTEGER,
    area INTEGER GENERATED ALWAYS AS (width * height) VIRTUAL, -- finding: newer-than-target
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS parcels;
