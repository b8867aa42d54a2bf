-- Migration: The same function with its owner's rights, by an ALTER
-- Version: 20250602_120000
-- Description: search_path is still the caller's
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER FUNCTION user_count() SECURITY DEFINER; -- finding: definer-without-search-path

-- ============= DOWN MIGRATION ============

ALTER FUNCTION user_count() SECURITY INVOKER;
