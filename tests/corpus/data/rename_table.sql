-- Migration: A table renamed under the feet of running code
-- Version: 20250601_120000
-- Description: Until the last server is replaced, every query fails
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE coupons RENAME TO vouchers; -- finding: rename-table

-- ============= DOWN MIGRATION ============

ALTER TABLE vouchers RENAME TO coupons;
