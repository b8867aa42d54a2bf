-- Migration: An index built beside readers and writers
-- Version: 20250601_120000
-- Description: CONCURRENTLY cannot run in a transaction, which the header says
-- Dependencies: []
-- Transaction: none

-- ============= UP MIGRATION =============

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_orders_status ON orders (status);

-- ============= DOWN MIGRATION ============

DROP INDEX CONCURRENTLY IF EXISTS idx_orders_status;
