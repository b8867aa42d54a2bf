-- Migration: Two policies for one action, each for its own role
-- Version: 20250601_120000
-- Description: Neither query computes both
-- Dependencies: []
-- corpus: profile = "supabase"

-- ============= UP MIGRATION =============

DROP POLICY IF EXISTS notes_service ON notes;
CREATE POLICY notes_service ON notes FOR SELECT TO service_role USING (is_shared);

DROP POLICY IF EXISTS notes_limit ON notes;
CREATE POLICY notes_limit ON notes AS RESTRICTIVE FOR SELECT TO authenticated USING (body IS NOT NULL);

-- ============= DOWN MIGRATION ============

DROP POLICY IF EXISTS notes_limit ON notes;
DROP POLICY IF EXISTS notes_service ON notes;
