-- The extensions that a new project has; those that the server cannot have are left out.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['uuid-ossp extensions', 'pgcrypto extensions', 'pg_stat_statements extensions',
            'supabase_vault vault'] LOOP
        IF EXISTS (SELECT FROM pg_available_extensions WHERE name = split_part(wanted, ' ', 1)) THEN
            EXECUTE format('CREATE EXTENSION %I WITH SCHEMA %I', split_part(wanted, ' ', 1), split_part(wanted, ' ', 2));
        END IF;
    END LOOP;
END
$$;
