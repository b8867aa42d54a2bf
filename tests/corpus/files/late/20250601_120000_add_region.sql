-- Migration: A new migration that is older than the newest on the main branch -- finding: out-of-order-version
-- Version: 20250601_120000
-- Description: Databases that are up to date refuse it
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS region TEXT;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS region;
