-- Migration: A CHECK that reads the whole table under ACCESS EXCLUSIVE
-- Version: 20250601_120000
-- Description: Not even SELECT runs meanwhile, and one old row that breaks it fails the deploy
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE products ADD CONSTRAINT check_products_price CHECK (price >= 0); -- finding: check-without-not-valid, constraint-may-fail

-- ============= DOWN MIGRATION ============

ALTER TABLE products DROP CONSTRAINT IF EXISTS check_products_price;
