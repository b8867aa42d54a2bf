-- Migration: CONCURRENTLY in a file that runs in a transaction
-- Version: 20250601_120000
-- Description: Postgres refuses it: CREATE INDEX CONCURRENTLY cannot run inside a transaction block
-- Dependencies: []
-- corpus: runs = "refused by Postgres in a transaction"

-- ============= UP MIGRATION =============

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_orders_status ON orders (status); -- finding: concurrently-in-transaction

-- ============= DOWN MIGRATION ============

DROP INDEX IF EXISTS idx_orders_status;
