-- Migration: An UPDATE … FROM beside DDL of another table
-- Version: 20250601_120000
-- Description: The row locks last as long as the rest of the transaction
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS discounts (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    code TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

COMMENT ON COLUMN orders.coupon_code IS 'See discounts.code';

ALTER TABLE orders ADD COLUMN IF NOT EXISTS discount NUMERIC(5,2);

UPDATE orders SET discount = coupons.discount FROM coupons WHERE coupons.code = orders.coupon_code; -- finding: backfill-in-schema-change, work-under-exclusive-lock

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP COLUMN IF EXISTS discount;
COMMENT ON COLUMN orders.coupon_code IS NULL;
DROP TABLE IF EXISTS discounts;
