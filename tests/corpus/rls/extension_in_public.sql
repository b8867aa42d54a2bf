-- Migration: An extension whose functions anyone can call through the API
-- Version: 20250601_120000
-- Description: There is a schema for extensions
-- Dependencies: []
-- corpus: profile = "supabase"
-- corpus: families = ["rls"]

-- ============= UP MIGRATION =============

CREATE EXTENSION IF NOT EXISTS citext; -- finding: extension-in-public

-- ============= DOWN MIGRATION ============

DROP EXTENSION IF EXISTS citext;
