-- Migration: Add User Profiles
-- Version: 20250121_093200
-- Description: Adds user profile tables for team members
-- Dependencies: ["20250121_093000_initial_team_registry"]

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS user_profiles (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    user_id UUID NOT NULL,
    team_id UUID CONSTRAINT fk_user_profiles_team_id REFERENCES teams(id),
    display_name VARCHAR(255) NOT NULL,
    avatar_url TEXT,
    preferences JSONB NOT NULL DEFAULT '{}',
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX IF NOT EXISTS idx_user_profiles_user_id ON user_profiles(user_id);
CREATE INDEX IF NOT EXISTS idx_user_profiles_team_id ON user_profiles(team_id);

CREATE OR REPLACE TRIGGER trg_user_profiles_updated_at
    BEFORE UPDATE ON user_profiles FOR EACH ROW EXECUTE FUNCTION set_updated_at();

ALTER TABLE user_profiles ENABLE ROW LEVEL SECURITY;

DROP POLICY IF EXISTS user_profiles_own_team ON user_profiles;
CREATE POLICY user_profiles_own_team ON user_profiles
    FOR ALL USING (team_id = (SELECT current_team_id())) WITH CHECK (team_id = (SELECT current_team_id()));

DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'authenticated') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON user_profiles TO authenticated;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'service_role') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON user_profiles TO service_role;
    END IF;
END $$;

COMMENT ON TABLE user_profiles IS 'The people who work with a team, and how they like it';
COMMENT ON COLUMN user_profiles.user_id IS 'The person''s id at the sign-in service (auth.users on Supabase)';

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS user_profiles;
