-- Migration: The same inside of DO and EXECUTE
-- Version: 20250601_120000
-- Description: The string is a literal, so it can be read
-- Dependencies: []
-- Irreversible: the old notes are gone

-- ============= UP MIGRATION =============

DO $$
BEGIN
    EXECUTE $q$UPDATE public.orders SET note = ''$q$; -- finding: update-without-where
END
$$;
