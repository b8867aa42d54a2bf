-- Migration: Without a transaction for no reason
-- Version: 20250601_120000
-- Description: If the second statement fails, the first one stays
-- Dependencies: []
-- Transaction: none -- finding: statement-outside-transaction

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS channel TEXT;
ALTER TABLE users ADD COLUMN IF NOT EXISTS channel TEXT;

-- ============= DOWN MIGRATION ============

ALTER TABLE users DROP COLUMN IF EXISTS channel;
ALTER TABLE orders DROP COLUMN IF EXISTS channel;
