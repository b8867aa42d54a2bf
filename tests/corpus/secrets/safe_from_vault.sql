-- Migration: A secret that is read where it is kept
-- Version: 20250601_120000
-- Description: The migration names it, and does not contain it
-- Dependencies: []
-- corpus: families = ["secrets", "access"]
-- corpus: runs = "needs the vault of Supabase"

-- ============= UP MIGRATION =============

CREATE OR REPLACE FUNCTION payment_key() RETURNS TEXT LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT decrypted_secret FROM vault.decrypted_secrets WHERE name = 'payment_key'
$$;

REVOKE EXECUTE ON FUNCTION payment_key() FROM PUBLIC;

-- ============= DOWN MIGRATION ============

DROP FUNCTION IF EXISTS payment_key();
