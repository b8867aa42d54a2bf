-- Migration: A foreign key for new rows only
-- Version: 20250601_120000
-- Description: NOT VALID reads nothing; the locks are short
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE invoices
    ADD CONSTRAINT fk_invoices_order_id FOREIGN KEY (order_id) REFERENCES orders (id) NOT VALID;

-- ============= DOWN MIGRATION ============

ALTER TABLE invoices DROP CONSTRAINT IF EXISTS fk_invoices_order_id;
