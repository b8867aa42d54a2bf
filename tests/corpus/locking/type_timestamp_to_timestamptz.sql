-- Migration: A timestamp given a time zone is converted in every row
-- Version: 20250601_120000
-- Description: Only where the session's time zone is UTC is there nothing to convert
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ALTER COLUMN shipped_at TYPE TIMESTAMPTZ; -- finding: column-type-rewrite

-- ============= DOWN MIGRATION ============

ALTER TABLE orders ALTER COLUMN shipped_at TYPE TIMESTAMP;
