-- Migration: A materialized view in an exposed schema
-- Version: 20250601_120000
-- Description: Policies do not apply to it at all
-- Dependencies: []
-- corpus: profile = "supabase"
-- corpus: families = ["rls"]

-- ============= UP MIGRATION =============

CREATE MATERIALIZED VIEW IF NOT EXISTS note_counts AS SELECT owner_id, count(*) AS notes FROM notes GROUP BY 1; -- finding: view-bypasses-rls

-- ============= DOWN MIGRATION ============

DROP MATERIALIZED VIEW IF EXISTS note_counts;
