-- Migration: A unique index built the plain way: it blocks writers, and duplicates make it fail
-- Version: 20250601_120000
-- Description: Nobody knows yet whether two coupons share a code
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE UNIQUE INDEX IF NOT EXISTS idx_coupons_code ON coupons (code); -- finding: index-without-concurrently, constraint-may-fail

-- ============= DOWN MIGRATION ============

DROP INDEX IF EXISTS idx_coupons_code;
