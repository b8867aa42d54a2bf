-- Migration: A service key in the body of a function
-- Version: 20250601_120000
-- Description: Whoever may read pg_proc reads it, which is everyone
-- Dependencies: []
-- corpus: families = ["secrets"]

-- ============= UP MIGRATION =============

CREATE OR REPLACE FUNCTION notify_backend() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    key TEXT := '{{service jwt}}'; -- finding: hardcoded-secret
BEGIN
    RAISE NOTICE '%', length(key);
    RETURN NEW;
END
$$;

-- ============= DOWN MIGRATION ============

DROP FUNCTION IF EXISTS notify_backend();
