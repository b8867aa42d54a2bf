-- Migration: A policy on a table whose row level security is off
-- Version: 20250601_120000
-- Description: It reads like protection, and is none
-- Dependencies: []
-- corpus: profile = "supabase"
-- corpus: families = ["rls"]

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS diaries ( -- finding: table-without-rls
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    owner_id UUID NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE POLICY diaries_read ON diaries FOR SELECT TO authenticated USING (owner_id = (SELECT auth.uid())); -- finding: policy-without-rls

GRANT SELECT ON diaries TO authenticated;

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS diaries;
