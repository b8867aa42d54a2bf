-- Migration: The same, hidden in the body of a function
-- Version: 20250601_120000
-- Description: Judged whether somebody calls it or not
-- Dependencies: []
-- corpus: families = ["access"]

-- ============= UP MIGRATION =============

CREATE OR REPLACE FUNCTION read_config() RETURNS TEXT LANGUAGE plpgsql AS $$
BEGIN
    RETURN pg_read_file('postgresql.conf'); -- finding: server-file-or-program
END
$$;

-- ============= DOWN MIGRATION ============

DROP FUNCTION IF EXISTS read_config();
