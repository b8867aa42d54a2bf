-- Migration: NOT VALID wins nothing when the same transaction validates
-- Version: 20250601_120000
-- Description: The lock of ADD CONSTRAINT is held until COMMIT, so the scan runs under it after all
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE invoices ADD CONSTRAINT check_invoices_amount CHECK (amount >= 0) NOT VALID;

ALTER TABLE invoices VALIDATE CONSTRAINT check_invoices_amount; -- finding: validate-in-same-transaction

-- ============= DOWN MIGRATION ============

ALTER TABLE invoices DROP CONSTRAINT IF EXISTS check_invoices_amount;
