-- Migration: New columns with defaults that are the same for every row
-- Version: 20250601_120000
-- Description: Since Postgres 11 they are kept once, in the catalog; now() counts as one value
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE orders
    ADD COLUMN IF NOT EXISTS channel TEXT NOT NULL DEFAULT 'web',
    ADD COLUMN IF NOT EXISTS checked_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS attempts INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS memo TEXT;

-- ============= DOWN MIGRATION ============

ALTER TABLE orders
    DROP COLUMN IF EXISTS memo,
    DROP COLUMN IF EXISTS attempts,
    DROP COLUMN IF EXISTS checked_at,
    DROP COLUMN IF EXISTS channel;
