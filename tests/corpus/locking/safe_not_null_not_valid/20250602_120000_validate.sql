-- Migration: The old rows are checked beside readers and writers
-- Version: 20250602_120000
-- Description: As with every other constraint
-- Dependencies: []
-- Irreversible: a constraint cannot be made invalid again

-- ============= UP MIGRATION =============

ALTER TABLE orders VALIDATE CONSTRAINT not_null_orders_total;
