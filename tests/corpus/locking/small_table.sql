-- Migration: The same index on a table that is known to be tiny
-- Version: 20250601_120000
-- Description: The configuration says how many rows it has, so the lock is over at once
-- Dependencies: []
-- corpus: table-sizes = { coupons = 40 }

-- ============= UP MIGRATION =============

CREATE INDEX IF NOT EXISTS idx_coupons_discount ON coupons (discount);

-- ============= DOWN MIGRATION ============

DROP INDEX IF EXISTS idx_coupons_discount;
