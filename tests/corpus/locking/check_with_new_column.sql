-- Migration: A column that comes with a CHECK is checked in every old row, though all hold NULL
-- Version: 20250601_120000
-- Description: Add the column first, the CHECK as NOT VALID
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE products
    ADD COLUMN IF NOT EXISTS weight NUMERIC(8,2) CONSTRAINT check_products_weight CHECK (weight > 0); -- finding: check-without-not-valid

-- ============= DOWN MIGRATION ============

ALTER TABLE products DROP COLUMN IF EXISTS weight;
