-- Migration: A trigger on a table in use, with a limit to the wait for its lock
-- Version: 20250601_120000
-- Description: It is tried again when the limit is reached
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE OR REPLACE TRIGGER stamp_orders BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION stamp_order();

-- ============= DOWN MIGRATION ============

DROP TRIGGER IF EXISTS stamp_orders ON orders;
