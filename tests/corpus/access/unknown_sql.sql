-- Migration: An EXECUTE of a string that nobody can know beforehand
-- Version: 20250601_120000
-- Description: What it does is decided when it runs
-- Dependencies: []
-- corpus: families = ["access"]
-- Irreversible: what it dropped is not known

-- ============= UP MIGRATION =============

DO $$
DECLARE
    found RECORD;
BEGIN
    FOR found IN SELECT tablename FROM pg_tables WHERE schemaname = 'scratch' LOOP
        EXECUTE format('DROP TABLE %I', found.tablename); -- finding: opaque-execute
    END LOOP;
END
$$;
