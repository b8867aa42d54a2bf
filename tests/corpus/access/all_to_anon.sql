-- Migration: Everything for whoever holds the public key
-- Version: 20250601_120000
-- Description: Row level security is then the only thing between the net and the table
-- Dependencies: []
-- corpus: profile = "supabase"
-- corpus: families = ["access"]

-- ============= UP MIGRATION =============

GRANT ALL ON notes TO anon; -- finding: grant-to-public

GRANT ALL PRIVILEGES ON ALL TABLES IN SCHEMA public TO anon, authenticated; -- finding: grant-to-public

-- ============= DOWN MIGRATION ============

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM anon;
