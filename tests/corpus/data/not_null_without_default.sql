-- Migration: A NOT NULL column without a default cannot be added to a table with rows
-- Version: 20250601_120000
-- Description: It works on the empty database of every test, and fails in production
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS region TEXT NOT NULL; -- finding: not-null-without-default

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS region;
