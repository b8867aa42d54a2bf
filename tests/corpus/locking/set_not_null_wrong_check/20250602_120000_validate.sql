-- Migration: The CHECK is validated
-- Version: 20250602_120000
-- Description: It reads the table beside readers and writers
-- Dependencies: []
-- Irreversible: a constraint cannot be made invalid again

-- ============= UP MIGRATION =============

ALTER TABLE orders VALIDATE CONSTRAINT check_orders_total;
