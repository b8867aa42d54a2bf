-- Migration: A domain without a CHECK is another name for its type
-- Version: 20250601_120000
-- Description: Types lock no table
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE DOMAIN years AS INTEGER;

-- ============= DOWN MIGRATION ============

DROP DOMAIN IF EXISTS years;
