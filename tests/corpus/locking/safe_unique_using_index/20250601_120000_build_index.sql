-- Migration: A unique constraint without a lock, step one: its index
-- Version: 20250601_120000
-- Description: Built beside readers and writers
-- Dependencies: []
-- Transaction: none

-- ============= UP MIGRATION =============

CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_coupons_code ON coupons (code);

-- ============= DOWN MIGRATION ============

DROP INDEX CONCURRENTLY IF EXISTS idx_coupons_code;
