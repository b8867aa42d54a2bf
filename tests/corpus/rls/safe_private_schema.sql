-- Migration: A table in a schema that the API does not show
-- Version: 20250601_120000
-- Description: It needs neither policies nor grants
-- Dependencies: []
-- corpus: profile = "supabase"

-- ============= UP MIGRATION =============

CREATE SCHEMA IF NOT EXISTS private;

CREATE TABLE IF NOT EXISTS private.jobs (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    body TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS private.jobs;
DROP SCHEMA IF EXISTS private;
