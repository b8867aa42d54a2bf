-- Migration: An EXECUTE of a literal is as good as the statement itself
-- Version: 20250601_120000
-- Description: What the string says is known, so it is judged
-- Dependencies: []

-- ============= UP MIGRATION =============

DO $$
BEGIN
    EXECUTE 'CREATE INDEX IF NOT EXISTS idx_orders_coupon_code ON orders (coupon_code)'; -- finding: index-without-concurrently
END
$$;

-- ============= DOWN MIGRATION ============

DROP INDEX IF EXISTS idx_orders_coupon_code;
