-- Migration: DOWN drops an index by a name that nothing has
-- Version: 20250601_120000
-- Description: IF EXISTS turns the misspelling into silence, and the index stays
-- Dependencies: []
-- Transaction: none

-- ============= UP MIGRATION =============

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_orders_status ON orders (status); -- finding: incomplete-down

-- ============= DOWN MIGRATION ============

DROP INDEX CONCURRENTLY IF EXISTS idx_order_status; -- finding: down-names-nothing
