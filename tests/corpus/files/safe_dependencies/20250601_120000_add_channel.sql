-- Migration: A dependency on what is deployed already
-- Version: 20250601_120000
-- Description: By its version or by its whole name
-- Dependencies: ["20250101_000000"]

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS channel TEXT;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS channel;
