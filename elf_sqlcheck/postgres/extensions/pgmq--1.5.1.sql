-- A stand-in for pgmq, in SQL only as the real one is: https://github.com/pgmq/pgmq
DO $$
BEGIN
    IF pg_catalog.to_regnamespace('pgmq') IS NULL THEN
        CREATE SCHEMA pgmq;
    END IF;
END
$$;
CREATE TABLE pgmq.meta (
    queue_name varchar UNIQUE NOT NULL, is_partitioned boolean NOT NULL DEFAULT false,
    is_unlogged boolean NOT NULL DEFAULT false, created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TYPE pgmq.message_record AS (
    msg_id bigint, read_ct integer, enqueued_at timestamptz, vt timestamptz, message jsonb, headers jsonb
);
CREATE TYPE pgmq.queue_record AS (
    queue_name varchar, is_partitioned boolean, is_unlogged boolean, created_at timestamptz
);
CREATE FUNCTION pgmq.create(queue_name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE IF NOT EXISTS pgmq.%I (msg_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, '
        'read_ct integer NOT NULL DEFAULT 0, enqueued_at timestamptz NOT NULL DEFAULT now(), vt timestamptz NOT NULL, '
        'message jsonb, headers jsonb)', 'q_' || queue_name);
    EXECUTE format('CREATE TABLE IF NOT EXISTS pgmq.%I (msg_id bigint PRIMARY KEY, read_ct integer NOT NULL DEFAULT 0, '
        'enqueued_at timestamptz NOT NULL DEFAULT now(), archived_at timestamptz NOT NULL DEFAULT now(), '
        'vt timestamptz NOT NULL, message jsonb, headers jsonb)', 'a_' || queue_name);
    INSERT INTO pgmq.meta VALUES ("create".queue_name) ON CONFLICT DO NOTHING;
END
$$;
CREATE FUNCTION pgmq.create_non_partitioned(queue_name text) RETURNS void LANGUAGE sql AS 'SELECT pgmq.create($1)';
CREATE FUNCTION pgmq.drop_queue(queue_name text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('DROP TABLE IF EXISTS pgmq.%I, pgmq.%I', 'q_' || queue_name, 'a_' || queue_name);
    DELETE FROM pgmq.meta WHERE meta.queue_name = drop_queue.queue_name;
    RETURN FOUND;
END
$$;
CREATE FUNCTION pgmq.list_queues() RETURNS SETOF pgmq.queue_record LANGUAGE sql AS $$
    SELECT queue_name, is_partitioned, is_unlogged, created_at FROM pgmq.meta
$$;
CREATE FUNCTION pgmq.send(queue_name text, msg jsonb, delay integer DEFAULT 0) RETURNS SETOF bigint
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('INSERT INTO pgmq.%I (vt, message) VALUES (now() + $1 * interval ''1 s'', $2) '
        'RETURNING msg_id', 'q_' || queue_name) USING delay, msg;
END
$$;
CREATE FUNCTION pgmq.send_batch(queue_name text, msgs jsonb[], delay integer DEFAULT 0) RETURNS SETOF bigint
LANGUAGE sql AS $$
    SELECT pgmq.send(queue_name, msg, delay) FROM unnest(msgs) AS msg
$$;
CREATE FUNCTION pgmq.read(queue_name text, vt integer, qty integer) RETURNS SETOF pgmq.message_record
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('UPDATE pgmq.%1$I SET vt = now() + $1 * interval ''1 s'', read_ct = read_ct + 1 '
        'WHERE msg_id IN (SELECT msg_id FROM pgmq.%1$I WHERE vt <= now() ORDER BY 1 LIMIT $2 FOR UPDATE SKIP LOCKED) '
        'RETURNING msg_id, read_ct, enqueued_at, vt, message, headers', 'q_' || queue_name) USING vt, qty;
END
$$;
CREATE FUNCTION pgmq.delete(queue_name text, msg_id bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    deleted integer;
BEGIN
    EXECUTE format('DELETE FROM pgmq.%I WHERE msg_id = $1', 'q_' || queue_name) USING msg_id;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted > 0;
END
$$;
CREATE FUNCTION pgmq.archive(queue_name text, msg_id bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    archived integer;
BEGIN
    EXECUTE format('WITH gone AS (DELETE FROM pgmq.%I WHERE msg_id = $1 RETURNING *) '
        'INSERT INTO pgmq.%I (msg_id, read_ct, enqueued_at, vt, message, headers) '
        'SELECT msg_id, read_ct, enqueued_at, vt, message, headers FROM gone', 'q_' || queue_name, 'a_' || queue_name)
        USING msg_id;
    GET DIAGNOSTICS archived = ROW_COUNT;
    RETURN archived > 0;
END
$$;
CREATE FUNCTION pgmq.pop(queue_name text) RETURNS SETOF pgmq.message_record LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('DELETE FROM pgmq.%1$I WHERE msg_id = (SELECT msg_id FROM pgmq.%1$I WHERE vt <= now() '
        'ORDER BY 1 LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING msg_id, read_ct, enqueued_at, vt, message, headers',
        'q_' || queue_name);
END
$$;
CREATE FUNCTION pgmq.purge_queue(queue_name text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    deleted bigint;
BEGIN
    EXECUTE format('DELETE FROM pgmq.%I', 'q_' || queue_name);
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END
$$;
