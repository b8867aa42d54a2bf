-- Migration: Objects in the schemas that Supabase looks after
-- Version: 20250601_120000
-- Description: It refuses them, or loses them in its next upgrade
-- Dependencies: []
-- corpus: profile = "supabase"
-- corpus: families = ["rls"]

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS auth.profiles (id UUID PRIMARY KEY); -- finding: managed-schema-change

ALTER TABLE auth.users ADD COLUMN IF NOT EXISTS nickname TEXT; -- finding: managed-schema-change

CREATE INDEX IF NOT EXISTS idx_objects_owner ON storage.objects (owner); -- finding: managed-schema-change

CREATE OR REPLACE FUNCTION auth.is_admin() RETURNS BOOLEAN LANGUAGE sql AS 'SELECT true'; -- finding: managed-schema-change

-- ============= DOWN MIGRATION ============

DROP FUNCTION IF EXISTS auth.is_admin();
DROP INDEX IF EXISTS storage.idx_objects_owner;
ALTER TABLE auth.users DROP COLUMN IF EXISTS nickname;
DROP TABLE IF EXISTS auth.profiles;
