-- Migration: A policy that lets everyone write everything
-- Version: 20250601_120000
-- Description: true is true for strangers too
-- Dependencies: []
-- corpus: profile = "supabase"

-- ============= UP MIGRATION =============

DROP POLICY IF EXISTS teams_write ON teams;
CREATE POLICY teams_write ON teams FOR UPDATE TO authenticated USING (true) WITH CHECK (true); -- finding: policy-always-true

DROP POLICY IF EXISTS teams_add ON teams;
CREATE POLICY teams_add ON teams FOR INSERT TO anon WITH CHECK (1 = 1); -- finding: policy-always-true

-- ============= DOWN MIGRATION ============

DROP POLICY IF EXISTS teams_add ON teams;
DROP POLICY IF EXISTS teams_write ON teams;
