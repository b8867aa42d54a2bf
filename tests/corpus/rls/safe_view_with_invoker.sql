-- Migration: A view that reads with the rights of whoever asks
-- Version: 20250601_120000
-- Description: security_invoker makes the policies of notes count
-- Dependencies: []
-- corpus: profile = "supabase"

-- ============= UP MIGRATION =============

CREATE OR REPLACE VIEW shared_notes WITH (security_invoker = true) AS SELECT id, body FROM notes WHERE is_shared;

GRANT SELECT ON shared_notes TO authenticated;

-- ============= DOWN MIGRATION ============

DROP VIEW IF EXISTS shared_notes;
