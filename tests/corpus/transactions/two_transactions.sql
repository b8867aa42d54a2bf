-- Migration: Two transactions in one section
-- Version: 20250601_120000
-- Description: When the second fails, the first one stays
-- Dependencies: []
-- corpus: families = ["transactions"]

-- ============= UP MIGRATION =============

BEGIN; -- finding: transaction-in-the-middle
ALTER TABLE orders ADD COLUMN IF NOT EXISTS channel TEXT;
COMMIT;

BEGIN;
ALTER TABLE users ADD COLUMN IF NOT EXISTS channel TEXT;
COMMIT;

-- ============= DOWN MIGRATION ============

ALTER TABLE users DROP COLUMN IF EXISTS channel;
ALTER TABLE orders DROP COLUMN IF EXISTS channel;
