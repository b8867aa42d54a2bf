-- Migration: A function with its owner's rights that runs what its caller says
-- Version: 20250601_120000
-- Description: %s takes the argument as it is: an injection with somebody else's rights
-- Dependencies: []
-- corpus: families = ["access"]

-- ============= UP MIGRATION =============

CREATE OR REPLACE FUNCTION count_of(name TEXT) RETURNS BIGINT LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    result BIGINT;
BEGIN
    EXECUTE 'SELECT count(*) FROM ' || name INTO result; -- finding: definer-without-search-path
    RETURN result;
END
$$;

-- ============= DOWN MIGRATION ============

DROP FUNCTION IF EXISTS count_of(TEXT);
