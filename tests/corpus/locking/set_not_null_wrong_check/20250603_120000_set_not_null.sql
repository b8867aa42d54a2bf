-- Migration: A validated CHECK that NULL passes proves nothing
-- Version: 20250603_120000
-- Description: NULL >= 0 is NULL, which a CHECK lets through
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ALTER COLUMN total SET NOT NULL; -- finding: set-not-null-scan

-- ============= DOWN MIGRATION ============

ALTER TABLE orders ALTER COLUMN total DROP NOT NULL;
