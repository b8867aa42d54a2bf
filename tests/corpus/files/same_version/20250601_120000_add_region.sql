-- Migration: The second of two files with one version -- finding: duplicate-version
-- Version: 20250601_120000
-- Description: Only one of them has a place in the history
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS region TEXT;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS region;
