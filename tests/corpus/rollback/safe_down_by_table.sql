-- Migration: What hangs on a table goes with it
-- Version: 20250601_120000
-- Description: DOWN need not name index, constraint, policy, trigger and comment
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS depots (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    title TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE INDEX IF NOT EXISTS idx_depots_title ON depots (title);
ALTER TABLE depots ADD CONSTRAINT check_depots_title CHECK (title <> '');
COMMENT ON COLUMN depots.title IS 'Its name';
GRANT SELECT ON depots TO pg_monitor;

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS depots;
