-- Migration: NOT NULL without a scan, step one: the CHECK for new rows
-- Version: 20250601_120000
-- Description: It reads nothing
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD CONSTRAINT check_orders_total_not_null CHECK (total IS NOT NULL) NOT VALID;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP CONSTRAINT IF EXISTS check_orders_total_not_null;
