-- Migration: An enum made here may be used here, labels added later included
-- Version: 20250601_120000
-- Description: Since Postgres 17 for those that were added; since ever for those it was made with
-- Dependencies: []
-- corpus: postgres-version = 17
-- corpus: families = ["transactions", "locking", "data", "types", "portability", "rollback"]

-- ============= UP MIGRATION =============

CREATE TYPE parcel_state AS ENUM ('packed', 'sent');

ALTER TYPE parcel_state ADD VALUE 'lost';

CREATE TABLE IF NOT EXISTS parcels (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    state parcel_state NOT NULL DEFAULT 'lost',
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS parcels;
DROP TYPE IF EXISTS parcel_state;
