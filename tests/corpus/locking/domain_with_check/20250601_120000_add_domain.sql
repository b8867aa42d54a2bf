-- Migration: A domain with a CHECK
-- Version: 20250601_120000
-- Description: Types lock no table
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE DOMAIN rating AS INTEGER CONSTRAINT check_rating_range CHECK (VALUE BETWEEN 1 AND 5);

-- ============= DOWN MIGRATION ============

DROP DOMAIN IF EXISTS rating;
