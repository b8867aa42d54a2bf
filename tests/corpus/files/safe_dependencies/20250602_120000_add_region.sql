-- Migration: A dependency on the file before
-- Version: 20250602_120000
-- Description: By its whole name
-- Dependencies: ["20250601_120000_add_channel"]

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS region TEXT;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS region;
