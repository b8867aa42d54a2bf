-- Migration: A CHECK about something else than NULL
-- Version: 20250601_120000
-- Description: NULL passes it
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders ADD CONSTRAINT check_orders_total CHECK (total >= 0) NOT VALID;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders DROP CONSTRAINT IF EXISTS check_orders_total;
