-- Migration: A numeric that grows at the same scale
-- Version: 20250601_120000
-- Description: No stored value looks different
-- Dependencies: []
-- corpus: families = ["locking", "data"]

-- ============= UP MIGRATION =============

ALTER TABLE orders ALTER COLUMN total TYPE NUMERIC(14,2);

ALTER TABLE coupons ALTER COLUMN discount TYPE NUMERIC;

-- ============= DOWN MIGRATION ============

ALTER TABLE coupons ALTER COLUMN discount TYPE NUMERIC(5,2);
ALTER TABLE orders ALTER COLUMN total TYPE NUMERIC(10,2);
