-- Migration: Postgres 18 has NOT NULL … NOT VALID: no CHECK is needed any more
-- Version: 20250601_120000
-- Description: It reads nothing, and new rows must have a value from now on
-- Dependencies: []
-- corpus: postgres-version = 18

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD CONSTRAINT not_null_orders_total NOT NULL total NOT VALID;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP CONSTRAINT IF EXISTS not_null_orders_total;
