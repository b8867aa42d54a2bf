-- Migration: A virtual generated column is computed when it is read, so nothing is written
-- Version: 20250601_120000
-- Description: Since Postgres 18
-- Dependencies: []
-- corpus: postgres-version = 18

-- ============= UP MIGRATION =============

ALTER TABLE order_items
    ADD COLUMN IF NOT EXISTS line_total NUMERIC(12,2) GENERATED ALWAYS AS (quantity * unit_price) VIRTUAL;

-- ============= DOWN MIGRATION ============

ALTER TABLE order_items DROP COLUMN IF EXISTS line_total;
