-- Migration: A trigger switched off takes the same lock as making it
-- Version: 20250601_120000
-- Description: Writers wait for it, and rows go in without what the trigger did
-- Dependencies: []
-- corpus: lock-timeout = ""

-- ============= UP MIGRATION =============

ALTER TABLE order_items DISABLE TRIGGER USER; -- finding: trigger-on-busy-table

-- ============= DOWN MIGRATION ============

ALTER TABLE order_items ENABLE TRIGGER USER;
