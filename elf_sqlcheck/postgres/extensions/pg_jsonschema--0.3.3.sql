-- A stand-in for pg_jsonschema, in SQL only: https://github.com/supabase/pg_jsonschema
-- It checks nothing but that the schema is an object, so a CHECK with it holds for any row.
CREATE FUNCTION json_matches_schema(schema json, instance json) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT json_typeof(schema) IN ('object', 'boolean')
$$;
CREATE FUNCTION jsonb_matches_schema(schema json, instance jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT json_typeof(schema) IN ('object', 'boolean')
$$;
CREATE FUNCTION jsonschema_is_valid(schema json) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT json_typeof(schema) IN ('object', 'boolean')
$$;
