-- Migration: A domain with a CHECK
-- Version: 20250601_120000
-- Description: Types lock no table
-- Dependencies: []

-- ============= UP MIGRATION =============

DO $$
BEGIN
    CREATE DOMAIN rating AS INTEGER CONSTRAINT check_rating_range CHECK (VALUE BETWEEN 1 AND 5);
EXCEPTION
    WHEN duplicate_object THEN NULL;
END
$$;

-- ============= DOWN MIGRATION ============

DROP DOMAIN IF EXISTS rating;
