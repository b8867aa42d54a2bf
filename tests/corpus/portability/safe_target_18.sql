-- Migration: The same where the target can do it
-- Version: 20250601_120000
-- Description: uuidv7() is a fine key
-- Dependencies: []
-- corpus: postgres-version = 18

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS parcels (
    id UUID DEFAULT uuidv7() PRIMARY KEY,
    width INTEGER,
    height INTEGER,
    area INTEGER GENERATED ALWAYS AS (width * height) VIRTUAL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS parcels;
