-- Migration: A domain without a CHECK is another name for its type
-- Version: 20250601_120000
-- Description: Types lock no table
-- Dependencies: []

-- ============= UP MIGRATION =============

DO $$
BEGIN
    CREATE DOMAIN years AS INTEGER;
EXCEPTION
    WHEN duplicate_object THEN NULL;
END
$$;

-- ============= DOWN MIGRATION ============

DROP DOMAIN IF EXISTS years;
