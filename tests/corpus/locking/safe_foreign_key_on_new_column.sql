-- Migration: A new column with a reference and without a default: all NULL, nothing to look up
-- Version: 20250601_120000
-- Description: Postgres skips the validation of a foreign key on a column added in the same command
-- Dependencies: []
-- Transaction: none

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS coupon_id UUID REFERENCES coupons (id);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_orders_coupon_id ON orders (coupon_id);

-- ============= DOWN MIGRATION ============

DROP INDEX CONCURRENTLY IF EXISTS idx_orders_coupon_id;
ALTER TABLE orders DROP COLUMN IF EXISTS coupon_id;
