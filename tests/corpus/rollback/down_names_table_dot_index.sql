-- Migration: table.index is read as schema.index
-- Version: 20250601_120000
-- Description: There is no schema called orders, which IF EXISTS forgives
-- Dependencies: []
-- Transaction: none

-- ============= UP MIGRATION =============

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_orders_status ON orders (status); -- finding: incomplete-down

-- ============= DOWN MIGRATION ============

DROP INDEX CONCURRENTLY IF EXISTS orders.idx_orders_status; -- finding: down-names-nothing
