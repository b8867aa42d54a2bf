-- Migration: Step two: the old rows are checked while the shop sells
-- Version: 20250602_120000
-- Description: VALIDATE lets readers and writers go on
-- Dependencies: []
-- Irreversible: a constraint cannot be made invalid again

-- ============= UP MIGRATION =============

ALTER TABLE orders VALIDATE CONSTRAINT check_orders_total_not_null;
