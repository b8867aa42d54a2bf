-- Migration: A CHECK of a change that is not merged yet
-- Version: 20250601_120000
-- Description: The next file of the same change takes it back
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE products ADD CONSTRAINT check_products_price CHECK (price >= 0) NOT VALID;

-- ============= DOWN MIGRATION ============

ALTER TABLE products DROP CONSTRAINT IF EXISTS check_products_price;
