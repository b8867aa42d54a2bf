-- Migration: A body that would lock a table, in a function that the migration only creates
-- Version: 20250601_120000
-- Description: Whoever calls it is responsible for when
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE OR REPLACE FUNCTION maintenance_window() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    CREATE INDEX IF NOT EXISTS idx_orders_note ON orders (note);
    UPDATE orders SET note = '';
END
$$;

-- ============= DOWN MIGRATION ============

DROP FUNCTION IF EXISTS maintenance_window();
