-- Migration: Many cheap changes of one table in one ALTER TABLE
-- Version: 20250601_120000
-- Description: One lock, held for an instant
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders
    ADD COLUMN IF NOT EXISTS packed_at TIMESTAMPTZ,
    ALTER COLUMN note SET DEFAULT '',
    ALTER COLUMN coupon_code SET STORAGE EXTERNAL,
    ADD CONSTRAINT check_orders_packed_at CHECK (packed_at >= created_at) NOT VALID;

COMMENT ON COLUMN orders.packed_at IS 'When the parcel was closed';

-- ============= DOWN MIGRATION ============

ALTER TABLE orders
    DROP CONSTRAINT IF EXISTS check_orders_packed_at,
    ALTER COLUMN coupon_code SET STORAGE EXTENDED,
    ALTER COLUMN note DROP DEFAULT,
    DROP COLUMN IF EXISTS packed_at;
