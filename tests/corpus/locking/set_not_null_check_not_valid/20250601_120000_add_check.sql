-- Migration: A CHECK that is not validated yet
-- Version: 20250601_120000
-- Description: Only new rows are checked so far
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD CONSTRAINT check_orders_total_not_null CHECK (total IS NOT NULL) NOT VALID;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP CONSTRAINT IF EXISTS check_orders_total_not_null;
