-- Migration: The same statements in a project that is not on Supabase
-- Version: 20250601_120000
-- Description: There is no Data API that could expose the table
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS diaries (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    body TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE OR REPLACE VIEW long_diaries AS SELECT id FROM diaries WHERE length(body) > 1000;

-- ============= DOWN MIGRATION ============

DROP VIEW IF EXISTS long_diaries;
DROP TABLE IF EXISTS diaries;
