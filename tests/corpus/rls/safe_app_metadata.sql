-- Migration: A policy that trusts what only the server can write
-- Version: 20250601_120000
-- Description: app_metadata is not the user's to change
-- Dependencies: []
-- corpus: profile = "supabase"

-- ============= UP MIGRATION =============

DROP POLICY IF EXISTS teams_admin ON teams;
CREATE POLICY teams_admin ON teams FOR DELETE TO authenticated
    USING ((SELECT auth.jwt() -> 'app_metadata' ->> 'role') = 'admin');

-- ============= DOWN MIGRATION ============

DROP POLICY IF EXISTS teams_admin ON teams;
