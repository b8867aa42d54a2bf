-- Migration: A BEGIN within a BEGIN is a warning that nobody reads
-- Version: 20250601_120000
-- Description: The first COMMIT ends both, and what follows runs without a transaction
-- Dependencies: []
-- corpus: families = ["transactions"]
-- corpus: runs = "the executor refuses it"

-- ============= UP MIGRATION =============

BEGIN;
ALTER TABLE orders ADD COLUMN IF NOT EXISTS channel TEXT;
BEGIN; -- finding: nested-transaction
ALTER TABLE orders ADD COLUMN IF NOT EXISTS region TEXT;
COMMIT;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS region, DROP COLUMN IF EXISTS channel;
