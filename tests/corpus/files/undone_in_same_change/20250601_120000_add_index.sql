-- Migration: An index that the next file of the same change drops again
-- Version: 20250601_120000
-- Description: Neither file is on the main branch yet
-- Dependencies: []
-- Transaction: none

-- ============= UP MIGRATION =============

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_orders_note ON orders (note);

-- ============= DOWN MIGRATION ============

DROP INDEX CONCURRENTLY IF EXISTS idx_orders_note;
