-- Migration: A dependency that no file has
-- Version: 20250601_120000
-- Description: A slip of the finger, or a file that was never committed
-- Dependencies: ["20250101_000000_bse"] -- finding: missing-dependency

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS channel TEXT;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS channel;
