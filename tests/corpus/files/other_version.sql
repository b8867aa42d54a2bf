-- Migration: A header that names another version than the file
-- Version: 20250131_120000 -- finding: header-mismatch
-- Description: One of the two is wrong, and the tools read the file's name
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS channel TEXT;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS channel;
