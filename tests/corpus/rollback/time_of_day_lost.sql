-- Migration: DOWN makes a timestamp of what has become a date
-- Version: 20250601_120000
-- Description: It runs, and every time of day is midnight
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ALTER COLUMN shipped_at TYPE DATE; -- finding: narrowing-type, column-type-rewrite

-- ============= DOWN MIGRATION ============

ALTER TABLE orders ALTER COLUMN shipped_at TYPE TIMESTAMP; -- finding: irreversible-step
