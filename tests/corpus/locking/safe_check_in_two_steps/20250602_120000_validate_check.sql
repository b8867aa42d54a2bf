-- Migration: The old rows are checked later, beside readers and writers
-- Version: 20250602_120000
-- Description: SHARE UPDATE EXCLUSIVE keeps only other DDL away
-- Dependencies: []
-- Irreversible: a constraint cannot be made invalid again

-- ============= UP MIGRATION =============

ALTER TABLE products VALIDATE CONSTRAINT check_products_price;
