-- Migration: DROP INDEX CONCURRENTLY and REINDEX CONCURRENTLY cannot run in a transaction either
-- Version: 20250601_120000
-- Description: Nor can DETACH PARTITION … CONCURRENTLY
-- Dependencies: []
-- Irreversible: an exercise in what Postgres refuses
-- corpus: runs = "refused by Postgres in a transaction"

-- ============= UP MIGRATION =============

DROP INDEX CONCURRENTLY IF EXISTS idx_invoices_order_id; -- finding: concurrently-in-transaction

REINDEX INDEX CONCURRENTLY idx_orders_user_id; -- finding: concurrently-in-transaction

ALTER TABLE events DETACH PARTITION events_2025_01 CONCURRENTLY; -- finding: concurrently-in-transaction
