-- The roles of a Supabase project: https://supabase.com/docs/guides/database/postgres/roles
-- They belong to the whole server, so those that are there already stay as they are.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY[
        'postgres LOGIN CREATEDB CREATEROLE REPLICATION BYPASSRLS',
        'anon NOLOGIN',
        'authenticated NOLOGIN',
        'service_role NOLOGIN BYPASSRLS',
        'authenticator LOGIN NOINHERIT',
        'dashboard_user NOLOGIN CREATEDB CREATEROLE REPLICATION',
        'pgbouncer LOGIN',
        'supabase_auth_admin LOGIN NOINHERIT CREATEROLE',
        'supabase_storage_admin LOGIN NOINHERIT CREATEROLE',
        'supabase_functions_admin LOGIN NOINHERIT CREATEROLE',
        'supabase_realtime_admin NOLOGIN NOINHERIT',
        'supabase_replication_admin LOGIN REPLICATION',
        'supabase_read_only_user LOGIN BYPASSRLS',
        'supabase_etl_admin LOGIN REPLICATION'
    ] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = split_part(wanted, ' ', 1)) THEN
            EXECUTE 'CREATE ROLE ' || wanted;
        END IF;
    END LOOP;
END
$$;
GRANT anon, authenticated, service_role TO authenticator;
GRANT authenticator TO supabase_storage_admin;
GRANT pg_read_all_data TO supabase_read_only_user, supabase_etl_admin;
-- Who made a role may hand it on; postgres did not make these, and may: from 16 on that needs the option.
GRANT anon, authenticated, service_role, authenticator, pg_monitor, pg_read_all_data, pg_signal_backend TO postgres
    WITH ADMIN OPTION;
ALTER ROLE postgres SET search_path TO "$user", public, extensions;
ALTER ROLE anon SET statement_timeout TO '3s';
ALTER ROLE authenticated SET statement_timeout TO '8s';
ALTER ROLE authenticator SET statement_timeout TO '8s';
ALTER ROLE authenticator SET lock_timeout TO '8s';
ALTER ROLE supabase_auth_admin SET search_path TO auth;
ALTER ROLE supabase_storage_admin SET search_path TO storage;
DO $$
BEGIN
    IF current_setting('server_version_num')::int >= 150000 THEN
        -- supautils.privileged_role_allowed_configs; a parameter of an extension is granted name by name.
        -- As text, since 14 would not even read it.
        EXECUTE 'GRANT SET ON PARAMETER session_replication_role, log_min_messages, log_lock_waits, track_io_timing,
            auto_explain.log_min_duration, auto_explain.log_nested_statements, pgaudit.log, pgaudit.role,
            pg_net.batch_size, pg_net.ttl, pgrst.db_aggregates_enabled, pgrst.db_extra_search_path, pgrst.db_max_rows,
            pgrst.db_plan_enabled, pgrst.db_pre_request, pgrst.db_schemas, pgrst.db_tx_end, pgrst.jwt_secret,
            pgrst.openapi_mode, pgrst.server_cors_allowed_origins, safeupdate.enabled TO postgres';
    END IF;
END
$$;
