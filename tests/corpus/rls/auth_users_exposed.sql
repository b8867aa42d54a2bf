-- Migration: Everyone's address in an exposed schema
-- Version: 20250601_120000
-- Description: The view runs with its owner's rights, who may read auth.users
-- Dependencies: []
-- corpus: profile = "supabase"
-- corpus: families = ["rls"]

-- ============= UP MIGRATION =============

CREATE OR REPLACE VIEW people AS SELECT id, email FROM auth.users; -- finding: auth-users-exposed

-- ============= DOWN MIGRATION ============

DROP VIEW IF EXISTS people;
