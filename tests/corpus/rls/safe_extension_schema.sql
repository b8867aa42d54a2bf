-- Migration: An extension in the schema made for it
-- Version: 20250601_120000
-- Description: Its functions cannot be called through the API
-- Dependencies: []
-- corpus: profile = "supabase"
-- corpus: families = ["rls"]

-- ============= UP MIGRATION =============

CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA extensions;

-- ============= DOWN MIGRATION ============

DROP EXTENSION IF EXISTS citext;
