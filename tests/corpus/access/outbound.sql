-- Migration: A database that calls others
-- Version: 20250601_120000
-- Description: Each INSERT waits for the net, and what it sends leaves the house
-- Dependencies: []
-- corpus: families = ["access"]
-- corpus: runs = "needs pg_net"

-- ============= UP MIGRATION =============

CREATE EXTENSION IF NOT EXISTS dblink; -- finding: outbound-connection

CREATE OR REPLACE FUNCTION tell_everyone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM net.http_post('https://hooks.example.org', to_jsonb(NEW)); -- finding: outbound-connection
    RETURN NEW;
END
$$;

-- ============= DOWN MIGRATION ============

DROP FUNCTION IF EXISTS tell_everyone();
