-- Migration: A view that reads with its owner's rights
-- Version: 20250601_120000
-- Description: The policies of notes do not count for whoever reads the view
-- Dependencies: []
-- corpus: profile = "supabase"

-- ============= UP MIGRATION =============

CREATE OR REPLACE VIEW shared_notes AS SELECT id, body FROM notes WHERE is_shared; -- finding: view-bypasses-rls

-- ============= DOWN MIGRATION ============

DROP VIEW IF EXISTS shared_notes;
