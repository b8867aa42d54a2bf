-- Migration: A function that runs with its owner's rights and looks names up where its caller says
-- Version: 20250601_120000
-- Description: A table of the same name in the caller's schema is read, or a function of the same name is run
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE OR REPLACE FUNCTION user_count() RETURNS BIGINT LANGUAGE sql SECURITY DEFINER AS $$ -- finding: definer-without-search-path
    SELECT count(*) FROM users
$$;

-- ============= DOWN MIGRATION ============

DROP FUNCTION IF EXISTS user_count();
