-- What Supabase's library supautils lets `postgres` do although it is no superuser: extensions from a list, publications,
-- foreign data wrappers, and policies and triggers on some tables of the services. https://github.com/supabase/supautils
-- A library cannot be loaded here, so an event trigger makes `postgres` a superuser for that one command. It is undone
-- with the command when that fails, and at its end when it succeeds. For a policy it is enough to be a member of the
-- roles that own the tables. (Event triggers cannot be made that way, since
-- commands about them fire none.)
CREATE FUNCTION extensions.privileged_command_starts() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = '' AS $$
DECLARE
    depth integer := coalesce(nullif(current_setting('supautils.depth', true), ''), '0');
BEGIN
    -- The script of an extension may make a policy, which is a command inside of a command.
    PERFORM set_config('supautils.depth', (depth + 1)::text, true);
    IF depth = 0 THEN
        PERFORM set_config('supautils.promoted', (
            (CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role') END) = 'postgres'
            AND NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = 'postgres'))::text, true);
        IF NOT current_setting('supautils.promoted')::boolean THEN
            RETURN;
        END IF;
        -- Constants of a policy are read while it is made, and a domain's conditions may call any function for that.
        IF TG_TAG IN ('CREATE POLICY', 'ALTER POLICY') THEN
            GRANT supabase_auth_admin, supabase_realtime_admin, supabase_storage_admin TO postgres;
        ELSE
            ALTER ROLE postgres SUPERUSER;
        END IF;
    END IF;
END
$$;
CREATE FUNCTION extensions.privileged_command_ends() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = '' AS $$
DECLARE
    depth integer := current_setting('supautils.depth');
    denied text;
BEGIN
    PERFORM set_config('supautils.depth', (depth - 1)::text, true);
    IF depth > 1 OR NOT current_setting('supautils.promoted')::boolean THEN
        RETURN;
    END IF;
    IF TG_TAG IN ('CREATE POLICY', 'ALTER POLICY') THEN
        REVOKE supabase_auth_admin, supabase_realtime_admin, supabase_storage_admin FROM postgres;
    END IF;
    ALTER ROLE postgres NOSUPERUSER;
    SELECT object_identity INTO denied FROM pg_event_trigger_ddl_commands()
    WHERE command_tag = 'CREATE EXTENSION' AND object_identity <> ALL (ARRAY[
        'address_standardizer', 'address_standardizer_data_us', 'autoinc', 'bloom', 'btree_gin', 'btree_gist', 'citext',
        'cube', 'dblink', 'dict_int', 'dict_xsyn', 'earthdistance', 'fuzzystrmatch', 'hstore', 'http', 'hypopg',
        'index_advisor', 'insert_username', 'intarray', 'isn', 'ltree', 'moddatetime', 'orioledb', 'pg_cron',
        'pg_graphql', 'pg_hashids', 'pg_jsonschema', 'pg_net', 'pg_partman', 'pg_repack', 'pg_stat_monitor',
        'pg_stat_statements', 'pg_tle', 'pg_trgm', 'pg_walinspect', 'pgaudit', 'pgcrypto', 'pgjwt', 'pg_prewarm', 'pgmq',
        'pgroonga', 'pgroonga_database', 'pgrouting', 'pgrowlocks', 'pgstattuple', 'pgsodium', 'pgtap', 'plcoffee',
        'pljava', 'plls', 'plpgsql', 'plpgsql_check', 'plv8', 'postgis', 'postgis_raster', 'postgis_sfcgal',
        'postgis_tiger_geocoder', 'postgis_topology', 'postgres_fdw', 'refint', 'rum', 'seg', 'sslinfo',
        'supabase_vault', 'supautils', 'tablefunc', 'tcn', 'timescaledb', 'tsm_system_rows', 'tsm_system_time',
        'unaccent', '"uuid-ossp"', 'vector', 'wrappers']);
    IF denied IS NOT NULL THEN
        RAISE EXCEPTION 'permission denied to create extension "%"', trim('"' FROM denied)
            USING ERRCODE = '42501', HINT = 'Supabase does not offer it: postgres is no superuser there.';
    END IF;
    SELECT object_identity INTO denied FROM pg_event_trigger_ddl_commands()
    WHERE command_tag IN ('CREATE POLICY', 'ALTER POLICY')
        AND object_identity ~ ' on (auth|storage|realtime|vault|graphql|supabase_functions)\.[^.]+$'
        AND object_identity !~ ' on (auth\.(audit_log_entries|identities|refresh_tokens|sessions|users)|realtime\.(messages|subscription)|storage\.(buckets|migrations|objects|s3_multipart_uploads|s3_multipart_uploads_parts))$';
    IF denied IS NOT NULL THEN
        RAISE EXCEPTION 'must be owner of table %', split_part(denied, ' on ', 2) USING ERRCODE = '42501';
    END IF;
END
$$;
CREATE EVENT TRIGGER privileged_command_starts ON ddl_command_start
    WHEN TAG IN ('CREATE EXTENSION', 'ALTER EXTENSION', 'DROP EXTENSION', 'CREATE PUBLICATION', 'ALTER PUBLICATION',
        'CREATE FOREIGN DATA WRAPPER', 'CREATE POLICY', 'ALTER POLICY', 'DROP POLICY', 'DROP TRIGGER')
    EXECUTE FUNCTION extensions.privileged_command_starts();
CREATE EVENT TRIGGER privileged_command_ends ON ddl_command_end
    WHEN TAG IN ('CREATE EXTENSION', 'ALTER EXTENSION', 'DROP EXTENSION', 'CREATE PUBLICATION', 'ALTER PUBLICATION',
        'CREATE FOREIGN DATA WRAPPER', 'CREATE POLICY', 'ALTER POLICY', 'DROP POLICY', 'DROP TRIGGER')
    EXECUTE FUNCTION extensions.privileged_command_ends();
-- session_replication_role = replica, which data migrations like to set, would else silence them.
ALTER EVENT TRIGGER privileged_command_starts ENABLE ALWAYS;
ALTER EVENT TRIGGER privileged_command_ends ENABLE ALWAYS;
