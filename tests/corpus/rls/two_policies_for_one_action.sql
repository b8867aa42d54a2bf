-- Migration: Two permissive policies for the same action and role
-- Version: 20250601_120000
-- Description: Both are computed for every row, and whichever says yes wins
-- Dependencies: []
-- corpus: profile = "supabase"

-- ============= UP MIGRATION =============

DROP POLICY IF EXISTS notes_shared ON notes;
CREATE POLICY notes_shared ON notes FOR SELECT TO authenticated USING (is_shared); -- finding: multiple-permissive-policies

-- ============= DOWN MIGRATION ============

DROP POLICY IF EXISTS notes_shared ON notes;
