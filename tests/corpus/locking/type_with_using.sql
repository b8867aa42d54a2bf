-- Migration: A conversion that somebody wrote down runs for every row
-- Version: 20250601_120000
-- Description: The lock is held until the last of them
-- Dependencies: []
-- Irreversible: the text is gone

-- ============= UP MIGRATION =============

ALTER TABLE invoices ALTER COLUMN number TYPE JSONB USING to_jsonb(number); -- finding: column-type-rewrite
