-- Migration: A function with its owner's rights that looks names up in one place only
-- Version: 20250601_120000
-- Description: search_path is pinned, and every name has its schema
-- Dependencies: []

-- ============= UP MIGRATION =============

CREATE OR REPLACE FUNCTION user_count() RETURNS BIGINT LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
    SELECT count(*) FROM public.users
$$;

REVOKE EXECUTE ON FUNCTION user_count() FROM PUBLIC;

-- ============= DOWN MIGRATION ============

DROP FUNCTION IF EXISTS user_count();
