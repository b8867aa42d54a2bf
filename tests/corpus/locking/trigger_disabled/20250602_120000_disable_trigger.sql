-- Migration: A trigger switched off takes the same lock as making it
-- Version: 20250602_120000
-- Description: Writers wait for it, and rows go in without what the trigger did
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders DISABLE TRIGGER stamp_orders; -- finding: trigger-on-busy-table

-- ============= DOWN MIGRATION ============

ALTER TABLE orders ENABLE TRIGGER stamp_orders;
