-- Migration: A key as the default of a column, and one within JSON
-- Version: 20250601_120000
-- Description: Each INSERT copies it once more
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS integrations (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    api_key TEXT DEFAULT '{{supabase secret}}', -- finding: hardcoded-secret
    settings JSONB DEFAULT '{"model": "large", "key": "{{anthropic key}}"}', -- finding: hardcoded-secret
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS integrations;
