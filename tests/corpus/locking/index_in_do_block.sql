-- Migration: A guard in a DO block makes the index idempotent, not harmless
-- Version: 20250601_120000
-- Description: The lock is the same inside of DO
-- Dependencies: []

-- ============= UP MIGRATION =============

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_indexes WHERE indexname = 'idx_orders_note') THEN
        CREATE INDEX idx_orders_note ON orders (note); -- finding: index-without-concurrently
    END IF;
END
$$;

-- ============= DOWN MIGRATION ============

DROP INDEX IF EXISTS idx_orders_note;
