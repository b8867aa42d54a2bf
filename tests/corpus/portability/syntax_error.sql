-- Migration: A statement that does not parse must not silence the others
-- Version: 20250601_120000
-- Description: The comma too many is found, and so is the index below it
-- Dependencies: []
-- corpus: families = ["portability", "locking"]
-- corpus: runs = "Postgres cannot read it"

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS parcels (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
); -- finding: syntax-error

CREATE INDEX IF NOT EXISTS idx_orders_status ON orders (status); -- finding: index-without-concurrently

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS parcels;
