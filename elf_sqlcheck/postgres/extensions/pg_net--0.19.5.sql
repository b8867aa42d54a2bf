-- A stand-in for pg_net, in SQL only: https://github.com/supabase/pg_net
-- Requests are queued as by the real one; nobody sends them.
DO $$
BEGIN
    -- IF NOT EXISTS would not do: an extension may only pass over what is its own.
    IF pg_catalog.to_regnamespace('net') IS NULL THEN
        CREATE SCHEMA net;
    END IF;
END
$$;
CREATE DOMAIN net.http_method AS text CHECK (VALUE ILIKE 'get' OR VALUE ILIKE 'post' OR VALUE ILIKE 'delete');
CREATE TYPE net.request_status AS ENUM ('PENDING', 'SUCCESS', 'ERROR');
CREATE TYPE net.http_response AS (status_code integer, headers jsonb, body text);
CREATE TYPE net.http_response_result AS (status net.request_status, message text, response net.http_response);
CREATE UNLOGGED TABLE net.http_request_queue (
    id bigserial, method net.http_method NOT NULL, url text NOT NULL, headers jsonb, body bytea,
    timeout_milliseconds integer NOT NULL
);
CREATE UNLOGGED TABLE net._http_response (
    id bigint, status_code integer, content_type text, headers jsonb, content text, timed_out boolean, error_msg text,
    created timestamptz NOT NULL DEFAULT now()
);
CREATE FUNCTION net.http_get(
    url text, params jsonb DEFAULT '{}', headers jsonb DEFAULT '{}', timeout_milliseconds integer DEFAULT 5000
) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = net AS $$
    INSERT INTO net.http_request_queue (method, url, headers, timeout_milliseconds)
    VALUES ('GET', url, headers, timeout_milliseconds) RETURNING id
$$;
CREATE FUNCTION net.http_post(
    url text, body jsonb DEFAULT '{}', params jsonb DEFAULT '{}',
    headers jsonb DEFAULT '{"Content-Type": "application/json"}', timeout_milliseconds integer DEFAULT 5000
) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = net AS $$
    INSERT INTO net.http_request_queue (method, url, headers, body, timeout_milliseconds)
    VALUES ('POST', url, headers, convert_to(body::text, 'UTF8'), timeout_milliseconds) RETURNING id
$$;
CREATE FUNCTION net.http_delete(
    url text, params jsonb DEFAULT '{}', headers jsonb DEFAULT '{}', timeout_milliseconds integer DEFAULT 5000,
    body jsonb DEFAULT NULL
) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = net AS $$
    INSERT INTO net.http_request_queue (method, url, headers, body, timeout_milliseconds)
    VALUES ('DELETE', url, headers, convert_to(body::text, 'UTF8'), timeout_milliseconds) RETURNING id
$$;
CREATE FUNCTION net.http_collect_response(request_id bigint, async boolean DEFAULT true)
RETURNS net.http_response_result LANGUAGE sql AS $$
    SELECT ('PENDING', 'the stand-in for pg_net sends no requests', NULL)::net.http_response_result
$$;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) 'anon') THEN
        GRANT USAGE ON SCHEMA net TO anon, authenticated, service_role;
    END IF;
END
$$;
