-- Migration: A stored generated column is computed for every old row
-- Version: 20250601_120000
-- Description: The table is written anew under ACCESS EXCLUSIVE
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE order_items
    ADD COLUMN IF NOT EXISTS line_total NUMERIC(12,2) GENERATED ALWAYS AS (quantity * unit_price) STORED; -- finding: add-column-rewrite

-- ============= DOWN MIGRATION ============

ALTER TABLE order_items DROP COLUMN IF EXISTS line_total;
