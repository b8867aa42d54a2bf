-- Migration: A trigger needs SHARE ROW EXCLUSIVE: writers wait, and from then on pay for it
-- Version: 20250601_120000
-- Description: On a table of this size that is no detail
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE OR REPLACE TRIGGER stamp_orders BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION stamp_order(); -- finding: trigger-on-busy-table

-- ============= DOWN MIGRATION ============

DROP TRIGGER IF EXISTS stamp_orders ON orders;
