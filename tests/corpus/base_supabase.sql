-- Migration: The app on Supabase as it is deployed already
-- Version: 20250101_000000
-- Description: Every case of the profile supabase comes after this one
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS teams (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    title TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

ALTER TABLE teams ENABLE ROW LEVEL SECURITY;

CREATE POLICY teams_read ON teams FOR SELECT TO authenticated USING (true);

GRANT SELECT ON teams TO authenticated;
GRANT ALL ON teams TO service_role;

CREATE TABLE IF NOT EXISTS notes (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    owner_id UUID NOT NULL REFERENCES auth.users (id),
    team_id UUID REFERENCES teams (id),
    body TEXT,
    is_shared BOOLEAN NOT NULL DEFAULT false,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE INDEX IF NOT EXISTS idx_notes_owner_id ON notes (owner_id);
CREATE INDEX IF NOT EXISTS idx_notes_team_id ON notes (team_id);

ALTER TABLE notes ENABLE ROW LEVEL SECURITY;

CREATE POLICY notes_read ON notes FOR SELECT TO authenticated USING (owner_id = (SELECT auth.uid()));

GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO authenticated;
GRANT ALL ON notes TO service_role;

CREATE TABLE IF NOT EXISTS memberships (
    team_id UUID NOT NULL REFERENCES teams (id),
    user_id UUID NOT NULL REFERENCES auth.users (id),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (team_id, user_id)
);

CREATE INDEX IF NOT EXISTS idx_memberships_user_id ON memberships (user_id);

ALTER TABLE memberships ENABLE ROW LEVEL SECURITY;

CREATE POLICY memberships_read ON memberships FOR SELECT TO authenticated USING (user_id = (SELECT auth.uid()));

GRANT SELECT ON memberships TO authenticated;
GRANT ALL ON memberships TO service_role;

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS memberships, notes, teams;
