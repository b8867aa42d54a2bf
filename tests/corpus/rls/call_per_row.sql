-- Migration: A function called once for every row
-- Version: 20250601_120000
-- Description: Within a subselect it is called once for the query
-- Dependencies: []
-- corpus: profile = "supabase"

-- ============= UP MIGRATION =============

DROP POLICY IF EXISTS notes_write ON notes;
CREATE POLICY notes_write ON notes FOR UPDATE TO authenticated USING (owner_id = auth.uid()); -- finding: policy-calls-per-row

-- ============= DOWN MIGRATION ============

DROP POLICY IF EXISTS notes_write ON notes;
