-- Migration: A foreign key that is checked while both tables are locked
-- Version: 20250601_120000
-- Description: Writers of invoices and of orders wait until every invoice has been looked up
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE invoices
    ADD CONSTRAINT fk_invoices_order_id FOREIGN KEY (order_id) REFERENCES orders (id); -- finding: foreign-key-without-not-valid, constraint-may-fail

-- ============= DOWN MIGRATION ============

ALTER TABLE invoices DROP CONSTRAINT IF EXISTS fk_invoices_order_id;
