-- A stand-in for pgsodium, in SQL only: https://github.com/michelp/pgsodium
-- Keys are kept as by the real one; what needs a real cipher raises an error that says so.
DO $$
BEGIN
    IF pg_catalog.to_regnamespace('pgsodium') IS NULL THEN
        CREATE SCHEMA pgsodium;
    END IF;
END
$$;
CREATE TYPE pgsodium.key_status AS ENUM ('default', 'valid', 'invalid', 'expired');
CREATE TYPE pgsodium.key_type AS ENUM ('aead-ietf', 'aead-det', 'hmacsha512', 'hmacsha256', 'auth', 'shorthash',
    'generichash', 'kdf', 'secretbox', 'secretstream', 'stream_xchacha20');
CREATE TABLE pgsodium.key (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    status pgsodium.key_status DEFAULT 'valid',
    created timestamptz NOT NULL DEFAULT now(),
    expires timestamptz,
    key_type pgsodium.key_type,
    key_id bigserial,
    key_context bytea DEFAULT '\x7067736f6469756d' CHECK (length(key_context) = 8),
    name text UNIQUE,
    associated_data text DEFAULT 'associated',
    comment text
);
CREATE VIEW pgsodium.valid_key AS
    SELECT * FROM pgsodium.key WHERE status IN ('valid', 'default') AND coalesce(expires > now(), true);
CREATE FUNCTION pgsodium.create_key(
    key_type pgsodium.key_type DEFAULT 'aead-det', name text DEFAULT NULL, associated_data text DEFAULT ''
) RETURNS pgsodium.valid_key LANGUAGE sql AS $$
    INSERT INTO pgsodium.key (key_type, name, associated_data)
    VALUES (create_key.key_type, create_key.name, create_key.associated_data) RETURNING *
$$;
DO $do$
DECLARE
    signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY[
        'crypto_aead_det_encrypt(bytea, bytea, uuid, bytea DEFAULT NULL)',
        'crypto_aead_det_decrypt(bytea, bytea, uuid, bytea DEFAULT NULL)', 'crypto_aead_det_noncegen()',
        'randombytes_buf(integer)', 'derive_key(bigint, integer DEFAULT 32, bytea DEFAULT NULL)'
    ] LOOP
        EXECUTE pg_catalog.format($create$
            CREATE FUNCTION pgsodium.%s RETURNS bytea LANGUAGE plpgsql AS $body$
            BEGIN
                RAISE EXCEPTION %L USING ERRCODE = 'feature_not_supported';
            END
            $body$ $create$, signature,
            pg_catalog.concat('pgsodium.', pg_catalog.split_part(signature, '(', 1),
                '() needs the real pgsodium, and this server has only a stand-in'));
    END LOOP;
END
$do$;
