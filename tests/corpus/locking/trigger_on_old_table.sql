-- Migration: A trigger needs SHARE ROW EXCLUSIVE: writers wait, and from then on pay for it
-- Version: 20250601_120000
-- Description: Without a lock_timeout it waits behind the longest transaction, and everybody behind it
-- Dependencies: []
-- corpus: lock-timeout = ""

-- ============= UP MIGRATION =============

CREATE OR REPLACE TRIGGER stamp_orders BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION stamp_order(); -- finding: trigger-on-busy-table

-- ============= DOWN MIGRATION ============

DROP TRIGGER IF EXISTS stamp_orders ON orders;
