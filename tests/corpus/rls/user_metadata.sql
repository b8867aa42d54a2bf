-- Migration: A policy that believes what users say about themselves
-- Version: 20250601_120000
-- Description: user_metadata can be changed by its user with one call of the API
-- Dependencies: []
-- corpus: profile = "supabase"

-- ============= UP MIGRATION =============

DROP POLICY IF EXISTS teams_admin ON teams;
CREATE POLICY teams_admin ON teams FOR DELETE TO authenticated
    USING ((SELECT auth.jwt() -> 'user_metadata' ->> 'role') = 'admin'); -- finding: policy-trusts-user-metadata

-- ============= DOWN MIGRATION ============

DROP POLICY IF EXISTS teams_admin ON teams;
