-- Migration: A table made for the work of this migration and dropped at its end
-- Version: 20250601_120000
-- Description: Nobody else ever saw it
-- Dependencies: []
-- Irreversible: the statistics are new, and nothing else

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS scratch (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

DROP TABLE IF EXISTS scratch;
