-- Migration: Indexes that do not say what they are
-- Version: 20250601_120000
-- Description: One has no name, one another prefix
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS depots (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    title TEXT,
    town TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE INDEX IF NOT EXISTS depots_title ON depots (title); -- finding: index-name
CREATE INDEX ON depots (town); -- finding: index-name

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS depots;
