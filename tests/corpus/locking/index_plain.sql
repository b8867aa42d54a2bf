-- Migration: An index built the plain way on a table in use
-- Version: 20250601_120000
-- Description: Every INSERT, UPDATE and DELETE on orders waits until the index is built
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE INDEX IF NOT EXISTS idx_orders_status ON orders (status); -- finding: index-without-concurrently

-- ============= DOWN MIGRATION ============

DROP INDEX IF EXISTS idx_orders_status;
