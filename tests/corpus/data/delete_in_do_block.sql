-- Migration: The same within an IF of a DO block
-- Version: 20250601_120000
-- Description: Whether it runs is not known, but it may
-- Dependencies: []
-- Irreversible: the rows are gone

-- ============= UP MIGRATION =============

DO $$
BEGIN
    IF (SELECT count(*) FROM audit_log) > 1000000 THEN
        DELETE FROM audit_log; -- finding: delete-without-where
    END IF;
END
$$;
