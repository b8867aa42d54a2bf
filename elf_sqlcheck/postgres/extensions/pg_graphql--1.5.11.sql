-- A stand-in for pg_graphql, in SQL only: https://github.com/supabase/pg_graphql
DO $$
BEGIN
    -- IF NOT EXISTS would not do: an extension may only pass over what is its own.
    IF pg_catalog.to_regnamespace('graphql') IS NULL THEN
        CREATE SCHEMA graphql;
    END IF;
END
$$;
CREATE FUNCTION graphql.resolve(
    query text, variables jsonb DEFAULT '{}', "operationName" text DEFAULT NULL, extensions jsonb DEFAULT NULL
) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'graphql.resolve() needs the real pg_graphql, and this server has only a stand-in for it'
        USING ERRCODE = 'feature_not_supported';
END
$$;
