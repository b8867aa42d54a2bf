-- Who owns and who may use what the services made, and where row level security is on.
DO $$
DECLARE
    schema text;
    owner text;
    object text;
BEGIN
    FOR schema, owner IN VALUES ('auth', 'supabase_auth_admin'), ('storage', 'supabase_storage_admin'),
        ('realtime', 'supabase_realtime_admin'), ('supabase_functions', 'supabase_functions_admin') LOOP
        FOR object IN SELECT format('TABLE %s', oid::regclass) FROM pg_class
                WHERE relnamespace = schema::regnamespace AND relkind IN ('r', 'p') AND relname <> 'schema_migrations'
            UNION ALL SELECT format('FUNCTION %s', oid::regprocedure) FROM pg_proc WHERE pronamespace = schema::regnamespace
            UNION ALL SELECT format('TYPE %s', oid::regtype) FROM pg_type
                WHERE typnamespace = schema::regnamespace AND typtype = 'e' LOOP
            EXECUTE format('ALTER %s OWNER TO %I', object, owner);
        END LOOP;
    END LOOP;
    FOR object IN SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace IN
            ('auth'::regnamespace, 'storage'::regnamespace, 'realtime'::regnamespace)
            AND relname NOT IN ('subscription') AND relname !~ '^oauth_' LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', object);
    END LOOP;
END
$$;
GRANT ALL ON ALL TABLES IN SCHEMA auth TO postgres, dashboard_user;
GRANT ALL ON ALL SEQUENCES IN SCHEMA auth, storage, realtime TO postgres, dashboard_user;
GRANT ALL ON ALL ROUTINES IN SCHEMA auth, storage, realtime TO postgres, dashboard_user;
GRANT SELECT ON auth.users, auth.identities, auth.sessions TO postgres WITH GRANT OPTION;
REVOKE ALL ON auth.schema_migrations FROM postgres, dashboard_user;
GRANT SELECT ON auth.schema_migrations TO postgres WITH GRANT OPTION;
GRANT ALL ON ALL TABLES IN SCHEMA storage TO postgres, service_role;
GRANT ALL ON storage.buckets, storage.objects TO postgres WITH GRANT OPTION;
GRANT ALL ON storage.buckets, storage.objects TO anon, authenticated, service_role;
GRANT SELECT ON storage.s3_multipart_uploads, storage.s3_multipart_uploads_parts TO anon, authenticated;
REVOKE ALL ON storage.migrations FROM postgres, anon, authenticated, service_role;
GRANT ALL ON realtime.messages, realtime.subscription TO postgres, dashboard_user;
GRANT SELECT ON realtime.subscription TO anon, authenticated, service_role;
GRANT SELECT, INSERT, UPDATE ON realtime.messages TO anon, authenticated, service_role;
GRANT SELECT, DELETE, TRUNCATE, REFERENCES ON vault.secrets, vault.decrypted_secrets TO postgres WITH GRANT OPTION;
GRANT SELECT, DELETE ON vault.secrets, vault.decrypted_secrets TO service_role;
GRANT EXECUTE ON FUNCTION vault.create_secret, vault.update_secret TO postgres WITH GRANT OPTION;
GRANT EXECUTE ON FUNCTION vault.create_secret, vault.update_secret TO service_role;
GRANT ALL ON ALL TABLES IN SCHEMA supabase_functions TO postgres, anon, authenticated, service_role;
GRANT ALL ON ALL SEQUENCES IN SCHEMA supabase_functions TO postgres, anon, authenticated, service_role;
GRANT EXECUTE ON FUNCTION pgbouncer.get_auth TO pgbouncer;
