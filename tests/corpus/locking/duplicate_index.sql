-- Migration: An index that is there already under another name
-- Version: 20250601_120000
-- Description: It is written on each change and serves no query that the first one does not
-- Dependencies: []
-- Transaction: none

-- ============= UP MIGRATION =============

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_orders_by_user ON orders (user_id); -- finding: duplicate-index

-- ============= DOWN MIGRATION ============

DROP INDEX CONCURRENTLY IF EXISTS idx_orders_by_user;
