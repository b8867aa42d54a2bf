-- A stand-in for pgsql-http, in SQL only: https://github.com/pramsey/pgsql-http
-- Nothing leaves this server: every request is answered with status 503.
CREATE DOMAIN http_method AS text;
CREATE DOMAIN content_type AS text CHECK (VALUE ~ '^\S+\/\S+');
CREATE TYPE http_header AS (field varchar, value varchar);
CREATE TYPE http_request AS (
    method http_method, uri varchar, headers http_header[], content_type varchar, content varchar
);
CREATE TYPE http_response AS (status integer, content_type varchar, headers http_header[], content varchar);
CREATE FUNCTION http_header(field varchar, value varchar) RETURNS http_header LANGUAGE sql AS 'SELECT $1, $2';
CREATE FUNCTION http(request http_request) RETURNS http_response LANGUAGE sql AS $$
    SELECT 503, 'text/plain', NULL::http_header[], 'the stand-in for http sends no requests'
$$;
DO $do$
DECLARE
    arguments text;
BEGIN
    FOREACH arguments IN ARRAY ARRAY[
        'http_get(uri varchar)', 'http_get(uri varchar, data jsonb)', 'http_head(uri varchar)',
        'http_post(uri varchar, content varchar, content_type varchar)', 'http_post(uri varchar, data jsonb)',
        'http_put(uri varchar, content varchar, content_type varchar)',
        'http_patch(uri varchar, content varchar, content_type varchar)', 'http_delete(uri varchar)',
        'http_delete(uri varchar, content varchar, content_type varchar)'
    ] LOOP
        EXECUTE pg_catalog.format('CREATE FUNCTION %s RETURNS http_response LANGUAGE sql AS %L', arguments,
            'SELECT 503, ''text/plain''::varchar, NULL::http_header[], ''the stand-in for http sends no requests''::varchar');
    END LOOP;
END
$do$;
CREATE FUNCTION http_set_curlopt(curlopt varchar, value varchar) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION http_reset_curlopt() RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION urlencode(string varchar) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT string_agg(CASE WHEN byte ~ '[A-Za-z0-9_.~-]' AND length(byte) = octet_length(byte) THEN byte
        ELSE regexp_replace(upper(encode(convert_to(byte, 'utf8'), 'hex')), '..', '%\&', 'g') END, '' ORDER BY n)
    FROM regexp_split_to_table(string, '') WITH ORDINALITY AS characters (byte, n)
$$;
