-- Migration: An identity column numbers every old row
-- Version: 20250601_120000
-- Description: The table is written anew under ACCESS EXCLUSIVE
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE invoices ADD COLUMN IF NOT EXISTS running_number BIGINT GENERATED ALWAYS AS IDENTITY; -- finding: add-column-rewrite

-- ============= DOWN MIGRATION ============

ALTER TABLE invoices DROP COLUMN IF EXISTS running_number;
