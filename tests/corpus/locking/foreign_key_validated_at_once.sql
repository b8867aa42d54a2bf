-- Migration: A foreign key added as NOT VALID and validated in one transaction
-- Version: 20250601_120000
-- Description: Writers of both tables wait for the scan
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE invoices
    ADD CONSTRAINT fk_invoices_order_id FOREIGN KEY (order_id) REFERENCES orders (id) NOT VALID;

ALTER TABLE invoices VALIDATE CONSTRAINT fk_invoices_order_id; -- finding: validate-in-same-transaction

-- ============= DOWN MIGRATION ============

ALTER TABLE invoices DROP CONSTRAINT IF EXISTS fk_invoices_order_id;
