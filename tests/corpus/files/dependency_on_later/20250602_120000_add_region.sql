-- Migration: The later file
-- Version: 20250602_120000
-- Description: It depends on nothing
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS region TEXT;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS region;
