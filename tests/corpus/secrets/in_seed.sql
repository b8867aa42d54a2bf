-- Migration: A token among the rows that a migration brings
-- Version: 20250601_120000
-- Description: Git keeps it for everyone, now and later
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS providers (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    title TEXT NOT NULL,
    api_key TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

INSERT INTO providers (title, api_key) VALUES
    ('payments', '{{stripe key}}'), -- finding: hardcoded-secret
    ('storage', '{{aws key}}'); -- finding: hardcoded-secret

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS providers;
