-- A stand-in for pgcrypto, in SQL only: https://www.postgresql.org/docs/current/pgcrypto.html
-- digest(), hmac() and the random functions are exact; what needs a real cipher raises an error that says so.

-- The extension may be moved to another schema at any time, so its own functions are called where it is now.
CREATE FUNCTION digest(data bytea, type text) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    hash bytea;
BEGIN
    CASE lower(type)
        WHEN 'md5' THEN RETURN decode(md5(data), 'hex');
        WHEN 'sha224' THEN RETURN sha224(data);
        WHEN 'sha256' THEN RETURN sha256(data);
        WHEN 'sha384' THEN RETURN sha384(data);
        WHEN 'sha512' THEN RETURN sha512(data);
        WHEN 'sha1' THEN
            EXECUTE format('SELECT %s.pgcrypto_sha1($1)',
                (SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'pgcrypto'))
                INTO hash USING data;
            RETURN hash;
        ELSE
            RAISE EXCEPTION 'Cannot use "%": No such hash algorithm', type USING ERRCODE = 'invalid_parameter_value';
    END CASE;
END
$$;

CREATE FUNCTION digest(data text, type text) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    hash bytea;
BEGIN
    EXECUTE format('SELECT %s.digest($1::bytea, $2)',
        (SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'pgcrypto'))
        INTO hash USING convert_to(data, getdatabaseencoding()), type;
    RETURN hash;
END
$$;

-- RFC 2104.
CREATE FUNCTION hmac(data bytea, key bytea, type text) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    block CONSTANT integer := CASE WHEN lower(type) IN ('sha384', 'sha512') THEN 128 ELSE 64 END;
    hash CONSTANT text := format('SELECT %s.digest($1::bytea, $2)',
        (SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'pgcrypto'));
    padded bytea := key;
    inner_pad bytea;
    outer_pad bytea;
    result bytea;
BEGIN
    IF length(padded) > block THEN
        EXECUTE hash INTO padded USING padded, type;
    END IF;
    padded := padded || decode(repeat('00', block - length(padded)), 'hex');
    inner_pad := padded;
    outer_pad := padded;
    FOR i IN 0 .. block - 1 LOOP
        inner_pad := set_byte(inner_pad, i, get_byte(padded, i) # 54);
        outer_pad := set_byte(outer_pad, i, get_byte(padded, i) # 92);
    END LOOP;
    EXECUTE hash INTO result USING inner_pad || data, type;
    EXECUTE hash INTO result USING outer_pad || result, type;
    RETURN result;
END
$$;

CREATE FUNCTION hmac(data text, key text, type text) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    result bytea;
BEGIN
    EXECUTE format('SELECT %s.hmac($1::bytea, $2::bytea, $3)',
        (SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'pgcrypto'))
        INTO result
        USING convert_to(data, getdatabaseencoding()), convert_to(key, getdatabaseencoding()), type;
    RETURN result;
END
$$;

CREATE FUNCTION gen_random_uuid() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
RETURN pg_catalog.gen_random_uuid();

-- A random UUID has 122 random bits, so two of them make up a hash of 32 random bytes.
CREATE FUNCTION gen_random_bytes(count integer) RETURNS bytea LANGUAGE plpgsql VOLATILE STRICT PARALLEL SAFE AS $$
DECLARE
    bytes bytea := '';
BEGIN
    IF count NOT BETWEEN 1 AND 1024 THEN
        RAISE EXCEPTION 'Length not in range' USING ERRCODE = 'external_routine_invocation_exception';
    END IF;
    WHILE length(bytes) < count LOOP
        bytes := bytes || sha256(uuid_send(pg_catalog.gen_random_uuid()) || uuid_send(pg_catalog.gen_random_uuid()));
    END LOOP;
    RETURN substring(bytes FROM 1 FOR count);
END
$$;

-- What runs now runs as a superuser, and overloads in the schema of the extension are found beside pg_catalog's.
DO $do$
DECLARE
    signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY[
        'crypt(text, text) RETURNS text', 'gen_salt(text) RETURNS text', 'gen_salt(text, integer) RETURNS text',
        'encrypt(bytea, bytea, text) RETURNS bytea', 'decrypt(bytea, bytea, text) RETURNS bytea',
        'encrypt_iv(bytea, bytea, bytea, text) RETURNS bytea', 'decrypt_iv(bytea, bytea, bytea, text) RETURNS bytea',
        'pgp_sym_encrypt(text, text) RETURNS bytea', 'pgp_sym_encrypt(text, text, text) RETURNS bytea',
        'pgp_sym_encrypt_bytea(bytea, text) RETURNS bytea', 'pgp_sym_encrypt_bytea(bytea, text, text) RETURNS bytea',
        'pgp_sym_decrypt(bytea, text) RETURNS text', 'pgp_sym_decrypt(bytea, text, text) RETURNS text',
        'pgp_sym_decrypt_bytea(bytea, text) RETURNS bytea', 'pgp_sym_decrypt_bytea(bytea, text, text) RETURNS bytea',
        'pgp_pub_encrypt(text, bytea) RETURNS bytea', 'pgp_pub_encrypt(text, bytea, text) RETURNS bytea',
        'pgp_pub_encrypt_bytea(bytea, bytea) RETURNS bytea', 'pgp_pub_encrypt_bytea(bytea, bytea, text) RETURNS bytea',
        'pgp_pub_decrypt(bytea, bytea) RETURNS text', 'pgp_pub_decrypt(bytea, bytea, text) RETURNS text',
        'pgp_pub_decrypt(bytea, bytea, text, text) RETURNS text',
        'pgp_pub_decrypt_bytea(bytea, bytea) RETURNS bytea', 'pgp_pub_decrypt_bytea(bytea, bytea, text) RETURNS bytea',
        'pgp_pub_decrypt_bytea(bytea, bytea, text, text) RETURNS bytea',
        'pgp_key_id(bytea) RETURNS text', 'armor(bytea) RETURNS text', 'armor(bytea, text[], text[]) RETURNS text',
        'dearmor(text) RETURNS bytea', 'fips_mode() RETURNS boolean'
    ] LOOP
        EXECUTE pg_catalog.format($create$
            CREATE FUNCTION %s LANGUAGE plpgsql PARALLEL SAFE AS $body$
            BEGIN
                RAISE EXCEPTION %L USING ERRCODE = 'feature_not_supported', HINT = %L;
            END
            $body$ $create$, signature,
            pg_catalog.concat(pg_catalog.split_part(signature, '(', 1),
                '() needs the real pgcrypto, and this server has only a stand-in for it'),
            'Run on a Postgres that has pgcrypto: name its programs with --pg-bin, or a server with --database-url.');
    END LOOP;
END
$do$;
