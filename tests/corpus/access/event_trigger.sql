-- Migration: A trigger on every DDL statement of the database
-- Version: 20250601_120000
-- Description: When it fails, nobody can mend it by DDL
-- Dependencies: []
-- corpus: families = ["access"]

-- ============= UP MIGRATION =============

CREATE OR REPLACE FUNCTION log_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE NOTICE '%', tg_tag;
END
$$;

CREATE EVENT TRIGGER log_ddl ON ddl_command_end EXECUTE FUNCTION log_ddl(); -- finding: system-change

-- ============= DOWN MIGRATION ============

DROP EVENT TRIGGER IF EXISTS log_ddl;
DROP FUNCTION IF EXISTS log_ddl();
