-- Migration: Step two: the constraint takes the index over, and reads nothing
-- Version: 20250602_120000
-- Description: The index is renamed to the constraint
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE coupons ADD CONSTRAINT unique_coupons_code UNIQUE USING INDEX idx_coupons_code;

-- ============= DOWN MIGRATION ============

ALTER TABLE coupons DROP CONSTRAINT IF EXISTS unique_coupons_code;
CREATE UNIQUE INDEX IF NOT EXISTS idx_coupons_code ON coupons (code);
