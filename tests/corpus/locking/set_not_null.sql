-- Migration: SET NOT NULL reads the whole table while nobody may even read it
-- Version: 20250601_120000
-- Description: A validated CHECK (total IS NOT NULL) would prove it without a scan
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ALTER COLUMN total SET NOT NULL; -- finding: set-not-null-scan

-- ============= DOWN MIGRATION ============

ALTER TABLE orders ALTER COLUMN total DROP NOT NULL;
