-- Migration: A new table of an app on Supabase, as it should be
-- Version: 20250601_120000
-- Description: Row level security, one policy an action, the user's id read once a query, an index for it, grants
-- Dependencies: []
-- corpus: profile = "supabase"

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS diaries (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    owner_id UUID NOT NULL REFERENCES auth.users (id),
    body TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE INDEX IF NOT EXISTS idx_diaries_owner_id ON diaries (owner_id);

ALTER TABLE diaries ENABLE ROW LEVEL SECURITY;

CREATE POLICY diaries_read ON diaries FOR SELECT TO authenticated USING (owner_id = (SELECT auth.uid()));
CREATE POLICY diaries_add ON diaries FOR INSERT TO authenticated WITH CHECK (owner_id = (SELECT auth.uid()));
CREATE POLICY diaries_change ON diaries FOR UPDATE TO authenticated
    USING (owner_id = (SELECT auth.uid())) WITH CHECK (owner_id = (SELECT auth.uid()));
CREATE POLICY diaries_remove ON diaries FOR DELETE TO authenticated USING (owner_id = (SELECT auth.uid()));

GRANT SELECT, INSERT, UPDATE, DELETE ON diaries TO authenticated;
GRANT ALL ON diaries TO service_role;

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS diaries;
