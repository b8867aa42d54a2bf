-- Migration: A CHECK for new rows only
-- Version: 20250601_120000
-- Description: NOT VALID reads nothing
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE products ADD CONSTRAINT check_products_price CHECK (price >= 0) NOT VALID;

-- ============= DOWN MIGRATION ============

ALTER TABLE products DROP CONSTRAINT IF EXISTS check_products_price;
