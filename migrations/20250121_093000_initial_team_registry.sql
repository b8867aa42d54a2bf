-- Migration: Initial Team Registry
-- Version: 20250121_093000
-- Description: Teams, their members and relationships, and the audit log of what they do
-- Dependencies: []

-- ============= UP MIGRATION =============

-- The team on whose behalf a session works: set by the executor of an agent (app.team_id), or signed into the token
-- of a person. app_metadata, unlike user_metadata, cannot be edited by that person.
CREATE OR REPLACE FUNCTION current_team_id() RETURNS UUID
LANGUAGE sql STABLE
SET search_path = ''
AS $$
    SELECT COALESCE(
        NULLIF(current_setting('app.team_id', true), ''),
        NULLIF(current_setting('request.jwt.claims', true), '')::JSONB -> 'app_metadata' ->> 'team_id'
    )::UUID
$$;

CREATE OR REPLACE FUNCTION set_updated_at() RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path = ''
AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END;
$$;

CREATE TABLE IF NOT EXISTS teams (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    name VARCHAR(63) NOT NULL,
    display_name VARCHAR(255) NOT NULL,
    department VARCHAR(63) NOT NULL,
    framework VARCHAR(20) NOT NULL DEFAULT 'crewai',
    purpose TEXT,
    status VARCHAR(20) NOT NULL DEFAULT 'active',
    metadata JSONB NOT NULL DEFAULT '{}',
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT uq_teams_name UNIQUE (name),
    CONSTRAINT check_teams_name_is_slug CHECK (name ~ '^[a-z][a-z0-9-]*$'),
    CONSTRAINT check_teams_framework CHECK (framework IN ('crewai', 'langgraph')),
    CONSTRAINT check_teams_status CHECK (status IN ('active', 'paused', 'retired'))
);

CREATE INDEX IF NOT EXISTS idx_teams_department ON teams(department);

CREATE TABLE IF NOT EXISTS team_members (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    team_id UUID NOT NULL CONSTRAINT fk_team_members_team_id REFERENCES teams(id),
    name VARCHAR(63) NOT NULL,
    role VARCHAR(255) NOT NULL,
    is_manager BOOLEAN NOT NULL DEFAULT false,
    llm_model VARCHAR(63) NOT NULL,
    tools JSONB NOT NULL DEFAULT '[]',
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT uq_team_members_team_id_name UNIQUE (team_id, name),
    CONSTRAINT check_team_members_tools_is_list CHECK (jsonb_typeof(tools) = 'array')
);

-- A team answers to its manager: there is one at most.
CREATE UNIQUE INDEX IF NOT EXISTS idx_team_members_one_manager ON team_members(team_id) WHERE is_manager;

CREATE TABLE IF NOT EXISTS team_relationships (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    parent_team_id UUID NOT NULL CONSTRAINT fk_team_relationships_parent_team_id REFERENCES teams(id),
    child_team_id UUID NOT NULL CONSTRAINT fk_team_relationships_child_team_id REFERENCES teams(id),
    kind VARCHAR(20) NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT uq_team_relationships_pair_and_kind UNIQUE (parent_team_id, child_team_id, kind),
    CONSTRAINT check_team_relationships_kind CHECK (kind IN ('reports_to', 'delegates_to', 'collaborates_with')),
    CONSTRAINT check_team_relationships_not_itself CHECK (parent_team_id <> child_team_id)
);

CREATE INDEX IF NOT EXISTS idx_team_relationships_child_team_id ON team_relationships(child_team_id);

-- An entry outlives the team that it tells of.
CREATE TABLE IF NOT EXISTS audit_log (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    team_id UUID CONSTRAINT fk_audit_log_team_id REFERENCES teams(id) ON DELETE SET NULL,
    actor VARCHAR(255) NOT NULL,
    action VARCHAR(63) NOT NULL,
    object_type VARCHAR(63) NOT NULL,
    object_id UUID,
    details JSONB NOT NULL DEFAULT '{}',
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE INDEX IF NOT EXISTS idx_audit_log_team_id_created_at ON audit_log(team_id, created_at DESC);
CREATE INDEX IF NOT EXISTS idx_audit_log_object ON audit_log(object_type, object_id);

CREATE OR REPLACE TRIGGER trg_teams_updated_at
    BEFORE UPDATE ON teams FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE OR REPLACE TRIGGER trg_team_members_updated_at
    BEFORE UPDATE ON team_members FOR EACH ROW EXECUTE FUNCTION set_updated_at();

-- A team sees itself, its members, its ties to other teams, and its own trail; the tables' owner sees all.
ALTER TABLE teams ENABLE ROW LEVEL SECURITY;
ALTER TABLE team_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE team_relationships ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;

DROP POLICY IF EXISTS teams_read_own ON teams;
CREATE POLICY teams_read_own ON teams
    FOR SELECT USING (id = (SELECT current_team_id()));

DROP POLICY IF EXISTS teams_update_own ON teams;
CREATE POLICY teams_update_own ON teams
    FOR UPDATE USING (id = (SELECT current_team_id())) WITH CHECK (id = (SELECT current_team_id()));

DROP POLICY IF EXISTS team_members_own_team ON team_members;
CREATE POLICY team_members_own_team ON team_members
    FOR ALL USING (team_id = (SELECT current_team_id())) WITH CHECK (team_id = (SELECT current_team_id()));

DROP POLICY IF EXISTS team_relationships_read_own ON team_relationships;
CREATE POLICY team_relationships_read_own ON team_relationships
    FOR SELECT USING ((SELECT current_team_id()) IN (parent_team_id, child_team_id));

DROP POLICY IF EXISTS audit_log_read_own ON audit_log;
CREATE POLICY audit_log_read_own ON audit_log
    FOR SELECT USING (team_id = (SELECT current_team_id()));

DROP POLICY IF EXISTS audit_log_append_own ON audit_log;
CREATE POLICY audit_log_append_own ON audit_log
    FOR INSERT WITH CHECK (team_id = (SELECT current_team_id()));

-- Supabase's Data API reaches a new table only by an explicit grant; plain Postgres has none of these roles.
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'authenticated') THEN
        GRANT SELECT, UPDATE ON teams TO authenticated;
        GRANT SELECT, INSERT, UPDATE, DELETE ON team_members TO authenticated;
        GRANT SELECT ON team_relationships TO authenticated;
        GRANT SELECT, INSERT ON audit_log TO authenticated;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'service_role') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON teams, team_members, team_relationships TO service_role;
        GRANT SELECT, INSERT ON audit_log TO service_role;
    END IF;
END $$;

COMMENT ON FUNCTION current_team_id() IS 'The team on whose behalf this session works; NULL sees nothing';
COMMENT ON FUNCTION set_updated_at() IS 'Trigger: stamps updated_at on every change of a row';
COMMENT ON TABLE teams IS 'Every team of agents, by the name that the other services know it by';
COMMENT ON TABLE team_members IS 'The agents of a team: their role, model and tools';
COMMENT ON TABLE team_relationships IS 'Which team reports to, delegates to or works with which';
COMMENT ON TABLE audit_log IS 'What teams did, in order; rows are only ever added';

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS audit_log;
DROP TABLE IF EXISTS team_relationships;
DROP TABLE IF EXISTS team_members;
DROP TABLE IF EXISTS teams;
DROP FUNCTION IF EXISTS set_updated_at();
DROP FUNCTION IF EXISTS current_team_id();
