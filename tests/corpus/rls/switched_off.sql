-- Migration: Row level security switched off for a table that had it
-- Version: 20250601_120000
-- Description: Its policies stay, and mean nothing
-- Dependencies: []
-- corpus: profile = "supabase"

-- ============= UP MIGRATION =============

ALTER TABLE notes DISABLE ROW LEVEL SECURITY; -- finding: policy-without-rls

-- ============= DOWN MIGRATION ============

ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
