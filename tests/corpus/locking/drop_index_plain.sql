-- Migration: An index dropped the plain way waits for every query on its table, and all others wait behind it
-- Version: 20250601_120000
-- Description: ACCESS EXCLUSIVE is short here, the queue in front of it is not
-- Dependencies: []

-- ============= UP MIGRATION =============

DROP INDEX IF EXISTS idx_invoices_order_id; -- finding: drop-index-without-concurrently

-- ============= DOWN MIGRATION ============

CREATE INDEX IF NOT EXISTS idx_invoices_order_id ON invoices (order_id);
