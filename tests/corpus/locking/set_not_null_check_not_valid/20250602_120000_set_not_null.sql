-- Migration: A CHECK that is still NOT VALID proves nothing, so SET NOT NULL scans
-- Version: 20250602_120000
-- Description: Somebody forgot the migration in between
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ALTER COLUMN total SET NOT NULL; -- finding: set-not-null-scan

-- ============= DOWN MIGRATION ============

ALTER TABLE orders ALTER COLUMN total DROP NOT NULL;
