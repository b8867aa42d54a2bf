-- A stand-in for pgjwt, in SQL only as the real one is: https://github.com/michelp/pgjwt
CREATE FUNCTION url_encode(data bytea) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT translate(encode(data, 'base64'), E'+/=\n', '-_')
$$;
CREATE FUNCTION url_decode(data text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT decode(rpad(translate(data, '-_', '+/'), (length(data) + 3) / 4 * 4, '='), 'base64')
$$;
-- Where pgcrypto is can be written down from Postgres 16 on only, as @extschema:pgcrypto@.
DO $do$
BEGIN
    EXECUTE pg_catalog.format($create$
        CREATE FUNCTION algorithm_sign(signables text, secret text, algorithm text) RETURNS text
        LANGUAGE sql IMMUTABLE AS $$
            SELECT @extschema@.url_encode(%s.hmac(signables, secret, CASE algorithm
                WHEN 'HS256' THEN 'sha256' WHEN 'HS384' THEN 'sha384' WHEN 'HS512' THEN 'sha512' ELSE '' END))
        $$ $create$, (
        SELECT extnamespace::pg_catalog.regnamespace FROM pg_catalog.pg_extension
        WHERE extname OPERATOR(pg_catalog.=) 'pgcrypto'));
END
$do$;
CREATE FUNCTION sign(payload json, secret text, algorithm text DEFAULT 'HS256') RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    WITH signed (text) AS (
        SELECT @extschema@.url_encode(convert_to('{"alg":"' || algorithm || '","typ":"JWT"}', 'utf8')) || '.'
            || @extschema@.url_encode(convert_to(payload::text, 'utf8'))
    )
    SELECT text || '.' || @extschema@.algorithm_sign(text, secret, algorithm) FROM signed
$$;
CREATE FUNCTION try_cast_double(inp text) RETURNS double precision LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN inp::double precision;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END
$$;
CREATE FUNCTION verify(token text, secret text, algorithm text DEFAULT 'HS256')
RETURNS TABLE (header json, payload json, valid boolean) LANGUAGE sql IMMUTABLE AS $$
    WITH parts (p) AS (SELECT regexp_split_to_array(token, '\.'))
    SELECT convert_from(@extschema@.url_decode(p[1]), 'utf8')::json,
        convert_from(@extschema@.url_decode(p[2]), 'utf8')::json,
        p[3] = @extschema@.algorithm_sign(p[1] || '.' || p[2], secret, algorithm)
    FROM parts
$$;
