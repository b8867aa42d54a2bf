-- Migration: DROP … IF EXISTS before CREATE is how a policy is made twice without an error
-- Version: 20250601_120000
-- Description: That nothing is there the first time is the point
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE coupons ENABLE ROW LEVEL SECURITY;

DROP POLICY IF EXISTS coupons_read ON coupons;
CREATE POLICY coupons_read ON coupons FOR SELECT USING (code <> '');

-- ============= DOWN MIGRATION ============

DROP POLICY IF EXISTS coupons_read ON coupons;

ALTER TABLE coupons DISABLE ROW LEVEL SECURITY;
