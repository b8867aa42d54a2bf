-- Migration: A default that differs from row to row has to be written into every row
-- Version: 20250601_120000
-- Description: now() would be computed once; gen_random_uuid() and clock_timestamp() are not
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD COLUMN IF NOT EXISTS token UUID NOT NULL DEFAULT gen_random_uuid(); -- finding: add-column-rewrite

ALTER TABLE products
    ADD COLUMN IF NOT EXISTS seen_at TIMESTAMPTZ DEFAULT clock_timestamp(), -- finding: add-column-rewrite
    ADD COLUMN IF NOT EXISTS shelf TEXT NOT NULL DEFAULT 'A';

-- ============= DOWN MIGRATION ============

ALTER TABLE products DROP COLUMN IF EXISTS seen_at, DROP COLUMN IF EXISTS shelf;
ALTER TABLE orders DROP COLUMN IF EXISTS token;
