-- Migration: A unique constraint that builds its index under ACCESS EXCLUSIVE
-- Version: 20250601_120000
-- Description: Build the index CONCURRENTLY and add the constraint USING INDEX
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE coupons ADD CONSTRAINT unique_coupons_code UNIQUE (code); -- finding: unique-without-using-index, constraint-may-fail

-- ============= DOWN MIGRATION ============

ALTER TABLE coupons DROP CONSTRAINT IF EXISTS unique_coupons_code;
