-- Migration: A timestamp cut to a date
-- Version: 20250601_120000
-- Description: The time of day is lost, silently
-- Dependencies: []
-- Irreversible: the time of day is gone

-- ============= UP MIGRATION =============

ALTER TABLE orders ALTER COLUMN shipped_at TYPE DATE; -- finding: narrowing-type, column-type-rewrite
