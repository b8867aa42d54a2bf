-- Migration: DOWN drops a table that UP did not make
-- Version: 20250601_120000
-- Description: IF NOT EXISTS made UP do nothing, and the rollback deletes what was there for years
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS parcels (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS parcels;
DROP TABLE IF EXISTS audit_log; -- finding: down-drops-older
