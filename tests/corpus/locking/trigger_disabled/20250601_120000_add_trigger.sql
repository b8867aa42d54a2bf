-- Migration: A trigger that somebody will switch off
-- Version: 20250601_120000
-- Description: It is created, which takes a lock already
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE OR REPLACE TRIGGER stamp_orders BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION stamp_order(); -- finding: trigger-on-busy-table

-- ============= DOWN MIGRATION ============

DROP TRIGGER IF EXISTS stamp_orders ON orders;
