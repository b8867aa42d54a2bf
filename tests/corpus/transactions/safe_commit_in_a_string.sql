-- Migration: BEGIN and COMMIT within strings and bodies are none of the file's
-- Version: 20250601_120000
-- Description: A plpgsql block has a BEGIN of its own
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE OR REPLACE FUNCTION note_of(kind TEXT) RETURNS TEXT LANGUAGE plpgsql AS $$
BEGIN
    RETURN CASE kind WHEN 'begin' THEN 'BEGIN;' ELSE 'COMMIT;' END;
END
$$;

COMMENT ON FUNCTION note_of(TEXT) IS 'BEGIN; nothing; COMMIT;';

-- ============= DOWN MIGRATION ============

DROP FUNCTION IF EXISTS note_of(TEXT);
