-- Migration: An index dropped beside readers and writers
-- Version: 20250601_120000
-- Description: It waits for old queries without blocking new ones
-- Dependencies: []
-- Transaction: none

-- ============= UP MIGRATION =============

DROP INDEX CONCURRENTLY IF EXISTS idx_invoices_order_id;

-- ============= DOWN MIGRATION ============

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_invoices_order_id ON invoices (order_id);
