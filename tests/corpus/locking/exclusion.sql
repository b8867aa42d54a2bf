-- Migration: An exclusion constraint has no NOT VALID and no USING INDEX
-- Version: 20250601_120000
-- Description: Its index is built under ACCESS EXCLUSIVE, whatever one writes
-- Dependencies: []
-- corpus: families = ["locking"]

-- ============= UP MIGRATION =============

ALTER TABLE invoices ADD CONSTRAINT exclude_invoices_number EXCLUDE USING btree (number WITH =); -- finding: exclusion-constraint

-- ============= DOWN MIGRATION ============

ALTER TABLE invoices DROP CONSTRAINT IF EXISTS exclude_invoices_number;
