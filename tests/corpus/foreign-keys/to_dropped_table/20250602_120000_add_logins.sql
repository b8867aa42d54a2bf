-- Migration: A foreign key to a table that an earlier migration has dropped
-- Version: 20250602_120000
-- Description: It fails on every database that ran that one
-- Dependencies: []
-- corpus: runs = "the table is not there"

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS logins (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    session_id UUID REFERENCES legacy_sessions (id), -- finding: foreign-key-to-missing
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE INDEX IF NOT EXISTS idx_logins_session_id ON logins (session_id);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS logins;
