-- Migration: The first of two files with one version -- finding: duplicate-version
-- Version: 20250601_120000
-- Description: Somebody copied it
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS channel TEXT;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS channel;
