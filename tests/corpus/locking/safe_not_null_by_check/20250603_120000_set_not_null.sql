-- Migration: Step three: the validated CHECK proves it, so nothing is read, and may then go
-- Version: 20250603_120000
-- Description: Since Postgres 12
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ALTER COLUMN total SET NOT NULL;

ALTER TABLE orders DROP CONSTRAINT IF EXISTS check_orders_total_not_null;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders ADD CONSTRAINT check_orders_total_not_null CHECK (total IS NOT NULL);
ALTER TABLE orders ALTER COLUMN total DROP NOT NULL;
