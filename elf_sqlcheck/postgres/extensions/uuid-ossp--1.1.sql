-- A stand-in for uuid-ossp, in SQL only: https://www.postgresql.org/docs/current/uuid-ossp.html
-- Versions 3, 4 and 5 are exact. Version 1 has a random node, as uuid_generate_v1mc() has by definition.

CREATE FUNCTION uuid_nil() RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN '00000000-0000-0000-0000-000000000000'::uuid;

CREATE FUNCTION uuid_ns_dns() RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid;

CREATE FUNCTION uuid_ns_url() RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN '6ba7b811-9dad-11d1-80b4-00c04fd430c8'::uuid;

CREATE FUNCTION uuid_ns_oid() RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN '6ba7b812-9dad-11d1-80b4-00c04fd430c8'::uuid;

CREATE FUNCTION uuid_ns_x500() RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN '6ba7b814-9dad-11d1-80b4-00c04fd430c8'::uuid;

CREATE FUNCTION uuid_generate_v4() RETURNS uuid LANGUAGE sql VOLATILE STRICT PARALLEL SAFE
RETURN gen_random_uuid();

DO $do$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['uuid_generate_v1', 'uuid_generate_v1mc'] LOOP
        EXECUTE pg_catalog.format($create$
            CREATE FUNCTION %I() RETURNS uuid LANGUAGE plpgsql VOLATILE STRICT PARALLEL SAFE AS $body$
            DECLARE
                -- Tenths of microseconds since 15 October 1582, as RFC 9562 counts.
                ticks CONSTANT bigint :=
                    (extract(epoch FROM clock_timestamp()) * 10000000)::bigint + 122192928000000000;
                chance CONSTANT bytea := uuid_send(gen_random_uuid());
            BEGIN
                RETURN encode(
                    substring(int8send(ticks & 4294967295) FROM 5)
                    || substring(int8send((ticks >> 32) & 65535) FROM 7)
                    || substring(int8send(((ticks >> 48) & 4095) | 4096) FROM 7)
                    || set_byte(substring(chance FROM 9 FOR 2), 0, (get_byte(chance, 8) & 63) | 128)
                    || set_byte(substring(chance FROM 11), 0, get_byte(chance, 10) | 1), 'hex')::uuid;
            END
            $body$ $create$, name);
    END LOOP;
END
$do$;

CREATE FUNCTION uuid_generate_v3(namespace uuid, name text) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    hash bytea := decode(md5(uuid_send(namespace) || convert_to(name, 'UTF8')), 'hex');
BEGIN
    hash := set_byte(set_byte(hash, 6, (get_byte(hash, 6) & 15) | 48), 8, (get_byte(hash, 8) & 63) | 128);
    RETURN encode(hash, 'hex')::uuid;
END
$$;

-- The extension may be moved to another schema at any time, so its own functions are called where it is now.
CREATE FUNCTION uuid_generate_v5(namespace uuid, name text) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    hash bytea;
BEGIN
    EXECUTE format('SELECT %s."uuid-ossp_sha1"($1)',
        (SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'uuid-ossp'))
        INTO hash USING uuid_send(namespace) || convert_to(name, 'UTF8');
    hash := substring(hash FROM 1 FOR 16);
    hash := set_byte(set_byte(hash, 6, (get_byte(hash, 6) & 15) | 80), 8, (get_byte(hash, 8) & 63) | 128);
    RETURN encode(hash, 'hex')::uuid;
END
$$;
