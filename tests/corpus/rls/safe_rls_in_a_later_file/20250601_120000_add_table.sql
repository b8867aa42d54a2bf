-- Migration: A table in one file of a change
-- Version: 20250601_120000
-- Description: On its own it would be open
-- Dependencies: []
-- corpus: profile = "supabase"

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS diaries (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    body TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

GRANT SELECT ON diaries TO authenticated;

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS diaries;
