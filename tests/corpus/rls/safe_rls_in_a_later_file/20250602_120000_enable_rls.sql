-- Migration: Its row level security in another
-- Version: 20250602_120000
-- Description: What counts is the end of the run
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE diaries ENABLE ROW LEVEL SECURITY;

DROP POLICY IF EXISTS diaries_read ON diaries;
CREATE POLICY diaries_read ON diaries FOR SELECT TO authenticated USING (body <> '');

-- ============= DOWN MIGRATION ============

DROP POLICY IF EXISTS diaries_read ON diaries;
ALTER TABLE diaries DISABLE ROW LEVEL SECURITY;
