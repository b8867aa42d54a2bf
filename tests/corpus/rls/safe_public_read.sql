-- Migration: Everyone may read, nobody may write
-- Version: 20250601_120000
-- Description: USING (true) for SELECT is a decision that many tables need
-- Dependencies: []
-- corpus: profile = "supabase"

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS countries (
    code TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

ALTER TABLE countries ENABLE ROW LEVEL SECURITY;

CREATE POLICY countries_read ON countries FOR SELECT TO anon, authenticated USING (true);

GRANT SELECT ON countries TO anon, authenticated;

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS countries;
