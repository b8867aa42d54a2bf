-- Migration: What the other file of the change has made goes again
-- Version: 20250602_120000
-- Description: Every database would do both, for nothing
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE products DROP CONSTRAINT IF EXISTS check_products_price; -- finding: undone-in-same-change

-- ============= DOWN MIGRATION ============

ALTER TABLE products ADD CONSTRAINT check_products_price CHECK (price >= 0) NOT VALID;
