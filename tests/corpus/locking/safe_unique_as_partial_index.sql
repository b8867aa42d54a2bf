-- Migration: A second index on the same column that holds other rows is no duplicate
-- Version: 20250601_120000
-- Description: The predicate differs
-- Dependencies: []
-- Transaction: none

-- ============= UP MIGRATION =============

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_orders_user_id_new ON orders (user_id) WHERE status = 'new';

-- ============= DOWN MIGRATION ============

DROP INDEX CONCURRENTLY IF EXISTS idx_orders_user_id_new;
