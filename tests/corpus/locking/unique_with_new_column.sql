-- Migration: A new column that is UNIQUE builds an index over a full table
-- Version: 20250601_120000
-- Description: All values are NULL, so it cannot fail, but it takes its time under ACCESS EXCLUSIVE
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE products ADD COLUMN IF NOT EXISTS slug TEXT CONSTRAINT unique_products_slug UNIQUE; -- finding: unique-without-using-index

-- ============= DOWN MIGRATION ============

ALTER TABLE products DROP COLUMN IF EXISTS slug;
