-- Migration: A new table that nobody may touch
-- Version: 20250601_120000
-- Description: New projects grant nothing by themselves any more, so the API answers permission denied
-- Dependencies: []
-- corpus: profile = "supabase"

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS diaries ( -- finding: missing-api-grant
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    body TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

ALTER TABLE diaries ENABLE ROW LEVEL SECURITY;

CREATE POLICY diaries_read ON diaries FOR SELECT TO authenticated USING (body <> '');

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS diaries;
