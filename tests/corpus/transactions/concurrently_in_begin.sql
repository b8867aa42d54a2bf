-- Migration: A BEGIN in a file without a transaction brings the transaction back
-- Version: 20250601_120000
-- Description: CONCURRENTLY fails inside of it
-- Dependencies: []
-- Transaction: none
-- corpus: runs = "refused by Postgres in a transaction"

-- ============= UP MIGRATION =============

BEGIN;
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_orders_status ON orders (status); -- finding: concurrently-in-transaction
COMMIT;

-- ============= DOWN MIGRATION ============

DROP INDEX CONCURRENTLY IF EXISTS idx_orders_status;
