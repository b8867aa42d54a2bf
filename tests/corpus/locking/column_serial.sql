-- Migration: A serial column is a column with a volatile default
-- Version: 20250601_120000
-- Description: nextval() gives each old row another number
-- Dependencies: []
-- corpus: families = ["locking"]

-- ============= UP MIGRATION =============

ALTER TABLE public."invoices" ADD COLUMN IF NOT EXISTS running_number BIGSERIAL; -- finding: add-column-rewrite

-- ============= DOWN MIGRATION ============

ALTER TABLE invoices DROP COLUMN IF EXISTS running_number;
