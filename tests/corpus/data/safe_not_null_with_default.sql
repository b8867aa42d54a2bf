-- Migration: A NOT NULL column with a default for the old rows
-- Version: 20250601_120000
-- Description: One value for all, kept in the catalog
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS region TEXT NOT NULL DEFAULT 'eu';

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS region;
