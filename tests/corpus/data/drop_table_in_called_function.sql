-- Migration: A table dropped by a function that the migration calls
-- Version: 20250601_120000
-- Description: The harmless name does not help
-- Dependencies: []
-- Irreversible: the sessions are gone

-- ============= UP MIGRATION =============

CREATE OR REPLACE FUNCTION tidy_up() RETURNS void LANGUAGE sql AS $$
    DROP TABLE IF EXISTS legacy_sessions; -- finding: drop-table
$$;

SELECT tidy_up();

DROP FUNCTION IF EXISTS tidy_up();
