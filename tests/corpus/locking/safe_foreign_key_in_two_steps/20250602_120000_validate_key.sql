-- Migration: The old rows are checked in a migration of its own
-- Version: 20250602_120000
-- Description: VALIDATE lets readers and writers go on
-- Dependencies: []
-- Irreversible: a constraint cannot be made invalid again

-- ============= UP MIGRATION =============

ALTER TABLE invoices VALIDATE CONSTRAINT fk_invoices_order_id;
