-- Migration: NOT VALID and VALIDATE in one file that runs without a transaction
-- Version: 20250601_120000
-- Description: Each statement commits before the next one, so the strong lock is gone before the scan
-- Dependencies: []
-- Transaction: none

-- ============= UP MIGRATION =============

ALTER TABLE products ADD CONSTRAINT check_products_stock CHECK (stock >= 0) NOT VALID;

ALTER TABLE products VALIDATE CONSTRAINT check_products_stock;

-- ============= DOWN MIGRATION ============

ALTER TABLE products DROP CONSTRAINT IF EXISTS check_products_stock;
