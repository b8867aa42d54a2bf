-- Migration: CONCURRENTLY among statements that want a transaction
-- Version: 20250601_120000
-- Description: Everything in the file fails with it
-- Dependencies: []
-- corpus: runs = "refused by Postgres in a transaction"

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS channel TEXT;

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_orders_channel ON orders (channel); -- finding: concurrently-in-transaction

-- ============= DOWN MIGRATION ============

DROP INDEX IF EXISTS idx_orders_channel;
ALTER TABLE orders DROP COLUMN IF EXISTS channel;
