-- Migration: Row level security without a policy lets nobody in
-- Version: 20250601_120000
-- Description: The app gets empty lists and no error
-- Dependencies: []
-- corpus: profile = "supabase"

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS diaries (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    body TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

ALTER TABLE diaries ENABLE ROW LEVEL SECURITY; -- finding: rls-without-policy

GRANT SELECT ON diaries TO authenticated;

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS diaries;
