-- Migration: The index was a mistake
-- Version: 20250602_120000
-- Description: Found in review, and undone in a file of its own
-- Dependencies: ["20250601_120000_add_index"]
-- Transaction: none

-- ============= UP MIGRATION =============

DROP INDEX CONCURRENTLY IF EXISTS idx_orders_note; -- finding: undone-in-same-change

-- ============= DOWN MIGRATION ============

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_orders_note ON orders (note);
