-- Migration: A new column with a default and a reference: every row has to be looked up
-- Version: 20250601_120000
-- Description: Without the default there would be nothing to look up
-- Dependencies: []
-- corpus: families = ["locking"]

-- ============= UP MIGRATION =============

ALTER TABLE orders
    ADD COLUMN IF NOT EXISTS coupon_id UUID DEFAULT '00000000-0000-0000-0000-000000000000' REFERENCES coupons (id); -- finding: foreign-key-without-not-valid

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS coupon_id;
