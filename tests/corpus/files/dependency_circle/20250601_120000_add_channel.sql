-- Migration: Two migrations that wait for each other
-- Version: 20250601_120000
-- Description: Neither can be the first
-- Dependencies: ["20250602_120000_add_region"] -- finding: dependency-cycle

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS channel TEXT;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS channel;
