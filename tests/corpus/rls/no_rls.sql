-- Migration: A new table that the whole net can read
-- Version: 20250601_120000
-- Description: public is exposed by the Data API, and nobody has switched row level security on
-- Dependencies: []
-- corpus: profile = "supabase"

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS diaries ( -- finding: table-without-rls
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    body TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

GRANT SELECT, INSERT ON diaries TO authenticated;

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS diaries;
