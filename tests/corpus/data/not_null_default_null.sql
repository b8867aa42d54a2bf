-- Migration: DEFAULT NULL is no default
-- Version: 20250601_120000
-- Description: Postgres says the same as without it
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE products ADD COLUMN IF NOT EXISTS vendor TEXT DEFAULT NULL NOT NULL; -- finding: not-null-without-default

-- ============= DOWN MIGRATION ============

ALTER TABLE products DROP COLUMN IF EXISTS vendor;
