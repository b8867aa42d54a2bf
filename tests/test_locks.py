"""What catalog.locks says of each kind of statement is what real servers do: locks, rewrites, indexes made, scans."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck import layouts
from elf_sqlcheck.catalog import locks
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.read import read_section
from elf_sqlcheck.postgres.locks import ground
from elf_sqlcheck.postgres.server import throwaway

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

#: The strongest comes first: a statement that takes two on one table is known by the stronger.
MODES = ("access exclusive", "exclusive", "share row exclusive", "share", "share update exclusive", "row exclusive")
WORK = ("rewrite", "build", "scan", "")
MADE = """
CREATE DOMAIN label AS text;
CREATE DOMAIN size AS int DEFAULT 7;
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE FUNCTION next_number() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 7; END';
CREATE FUNCTION inlined() RETURNS int LANGUAGE sql AS 'SELECT 7';
CREATE FUNCTION inlined_random() RETURNS float LANGUAGE sql AS 'SELECT random()';
CREATE FUNCTION fixed_number() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 7';
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE users (id int PRIMARY KEY, email varchar(50), state text DEFAULT 'new', age int, score numeric(6,2),
    seen timestamp, mood mood, CONSTRAINT age_is_known CHECK (age IS NOT NULL AND age >= 0), CONSTRAINT
    known CHECK (score IS NOT NULL) NOT VALID);
ALTER TABLE users ADD CONSTRAINT state_known CHECK (state IS NOT NULL) NOT VALID;
INSERT INTO users SELECT n, n || '@example.com', 'new', n, 1 FROM generate_series(1, 50) n;
CREATE UNIQUE INDEX users_email ON users (email);
CREATE INDEX users_state ON users (state) WHERE state <> 'new';
CREATE UNIQUE INDEX users_age ON users (age);
CREATE TRIGGER users_touched BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();
CREATE POLICY own ON users USING (true);
CREATE TABLE posts (id int PRIMARY KEY, user_id int, title text, CONSTRAINT early FOREIGN KEY (user_id) REFERENCES users
    NOT VALID);
ALTER TABLE posts ADD CONSTRAINT late FOREIGN KEY (user_id) REFERENCES users NOT VALID;
ALTER TABLE posts ADD CONSTRAINT long_title CHECK (length(title) > 0) NOT VALID;
INSERT INTO posts SELECT n, n, 'a' FROM generate_series(1, 50) n;
CREATE TABLE notes (id int, post_id int REFERENCES posts (id));
CREATE UNIQUE INDEX notes_id ON notes (id);
CREATE TABLE parents (id int NOT NULL);
CREATE TABLE heads (id int);
CREATE TABLE labels (kind label);
CREATE TABLE events (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
CREATE TABLE events_2 (id int, at date);
CREATE TABLE events_3 (id int, at date, CONSTRAINT bounds CHECK (at IS NOT NULL AND at >= '2025-03-01' AND at <
    '2025-04-01'));
INSERT INTO events_2 VALUES (1, '2025-02-02');
INSERT INTO events_3 VALUES (1, '2025-03-02');
CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS n FROM users;
CREATE UNIQUE INDEX totals_n ON totals (n);
CREATE VIEW adults AS SELECT id FROM parents;
CREATE VIEW elders AS SELECT id FROM heads;
CREATE MATERIALIZED VIEW adult_count AS SELECT count(*) AS n FROM adults;
"""
IN_TRANSACTION = """
ALTER TABLE users ADD COLUMN a text
ALTER TABLE users ADD COLUMN a text DEFAULT 'x'
ALTER TABLE users ADD COLUMN a text NOT NULL DEFAULT 'x'
ALTER TABLE users ADD COLUMN a timestamptz DEFAULT now()
ALTER TABLE users ADD COLUMN a timestamptz DEFAULT clock_timestamp()
ALTER TABLE users ADD COLUMN a uuid DEFAULT gen_random_uuid()
ALTER TABLE users ADD COLUMN a int DEFAULT next_number()
ALTER TABLE users ADD COLUMN a int DEFAULT fixed_number()
ALTER TABLE users ADD COLUMN a int DEFAULT inlined()
ALTER TABLE users ADD COLUMN a float DEFAULT inlined_random()
ALTER TABLE users ADD COLUMN a serial
ALTER TABLE users ADD COLUMN a int GENERATED ALWAYS AS IDENTITY
ALTER TABLE users ADD COLUMN a int GENERATED ALWAYS AS (age + 1) STORED
ALTER TABLE users ADD COLUMN a label
ALTER TABLE users ADD COLUMN a size NOT NULL
ALTER TABLE parents ADD COLUMN a int NOT NULL DEFAULT NULL
ALTER TABLE users ADD COLUMN a positive
ALTER TABLE users ADD COLUMN a int CHECK (a > 0)
ALTER TABLE users ADD COLUMN a int UNIQUE
ALTER TABLE posts ADD COLUMN a int REFERENCES users
ALTER TABLE posts ADD COLUMN a int DEFAULT 1 REFERENCES users
ALTER TABLE posts ADD COLUMN a int DEFAULT NULL REFERENCES users
ALTER TABLE users ADD COLUMN IF NOT EXISTS age int
ALTER TABLE users DROP COLUMN score
ALTER TABLE notes DROP COLUMN post_id
ALTER TABLE users ALTER COLUMN email TYPE varchar(80)
ALTER TABLE users ALTER COLUMN email TYPE text
ALTER TABLE users ALTER COLUMN email TYPE varchar(40)
ALTER TABLE users ALTER COLUMN state TYPE varchar
ALTER TABLE users ALTER COLUMN id TYPE bigint
ALTER TABLE users ALTER COLUMN age TYPE oid
ALTER TABLE posts ALTER COLUMN id TYPE bigint
ALTER TABLE notes ALTER COLUMN post_id TYPE bigint
ALTER TABLE posts ALTER COLUMN title TYPE varchar
ALTER TABLE users ALTER COLUMN score TYPE numeric(8,2)
ALTER TABLE users ALTER COLUMN score TYPE numeric(8,3)
ALTER TABLE users ALTER COLUMN seen TYPE timestamptz
ALTER TABLE users ALTER COLUMN seen TYPE timestamptz USING seen AT TIME ZONE 'UTC'
ALTER TABLE users ALTER COLUMN email TYPE text USING email::text
ALTER TABLE users ALTER COLUMN email TYPE text USING email
ALTER TABLE users ALTER COLUMN email TYPE text USING lower(email)
ALTER TABLE users ALTER COLUMN mood TYPE text
SET LOCAL timezone = 'UTC'; ALTER TABLE users ALTER COLUMN seen TYPE timestamptz
ALTER TABLE users ALTER COLUMN age SET NOT NULL
ALTER TABLE users ALTER COLUMN state SET NOT NULL
ALTER TABLE users ALTER COLUMN email SET NOT NULL
ALTER TABLE users ALTER COLUMN id SET NOT NULL
ALTER TABLE users ALTER COLUMN score SET NOT NULL
ALTER TABLE parents ALTER COLUMN id DROP NOT NULL
ALTER TABLE users ALTER COLUMN state DROP DEFAULT
ALTER TABLE users ALTER COLUMN state SET DEFAULT 'old'
ALTER TABLE parents ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY
ALTER TABLE users ADD CONSTRAINT c CHECK (age > 0)
ALTER TABLE users ADD CONSTRAINT c CHECK (age > 0) NOT VALID
ALTER TABLE posts ADD CONSTRAINT c FOREIGN KEY (user_id) REFERENCES users (id)
ALTER TABLE posts ADD CONSTRAINT c FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID
ALTER TABLE posts ADD CONSTRAINT c FOREIGN KEY (user_id) REFERENCES posts (id)
ALTER TABLE users ADD CONSTRAINT c UNIQUE (email)
ALTER TABLE users ADD CONSTRAINT c UNIQUE USING INDEX users_email
ALTER TABLE notes ADD CONSTRAINT c PRIMARY KEY USING INDEX notes_id
ALTER TABLE parents ADD CONSTRAINT c PRIMARY KEY (id)
ALTER TABLE users ADD CONSTRAINT c EXCLUDE (email WITH =)
ALTER TABLE users DROP CONSTRAINT age_is_known
ALTER TABLE posts DROP CONSTRAINT late
ALTER TABLE posts VALIDATE CONSTRAINT late
ALTER TABLE posts VALIDATE CONSTRAINT early
ALTER TABLE posts VALIDATE CONSTRAINT long_title
ALTER TABLE users VALIDATE CONSTRAINT age_is_known
ALTER TABLE users ENABLE ROW LEVEL SECURITY
ALTER TABLE users FORCE ROW LEVEL SECURITY
ALTER TABLE users DISABLE TRIGGER users_touched
ALTER TABLE users DISABLE TRIGGER ALL
ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES FROM ('2025-02-01') TO ('2025-03-01')
ALTER TABLE events ATTACH PARTITION events_3 FOR VALUES FROM ('2025-03-01') TO ('2025-04-01')
ALTER TABLE events DETACH PARTITION events_1
ALTER TABLE users SET (fillfactor = 70)
ALTER TABLE users SET (autovacuum_enabled = off)
ALTER TABLE users RESET (fillfactor)
ALTER TABLE users ALTER COLUMN state SET STATISTICS 500
ALTER TABLE users ALTER COLUMN state SET (n_distinct = 5)
ALTER TABLE users ALTER COLUMN state SET STORAGE EXTERNAL
ALTER TABLE users ALTER COLUMN state SET COMPRESSION pglz
ALTER TABLE parents SET UNLOGGED
ALTER TABLE users SET WITHOUT CLUSTER
ALTER TABLE users CLUSTER ON users_email
ALTER TABLE users REPLICA IDENTITY FULL
ALTER TABLE posts ALTER CONSTRAINT late DEFERRABLE
ALTER TABLE notes INHERIT heads
ALTER TABLE users OWNER TO CURRENT_USER
ALTER TABLE users RENAME TO people
ALTER TABLE users RENAME COLUMN state TO status
ALTER TABLE users RENAME CONSTRAINT age_is_known TO age_known
ALTER INDEX users_state RENAME TO users_status
ALTER TRIGGER users_touched ON users RENAME TO users_seen
ALTER POLICY own ON users RENAME TO mine
ALTER TABLE users SET SCHEMA other
ALTER POLICY own ON users USING (false)
CREATE POLICY all_of_it ON users USING (true)
DROP POLICY own ON users
CREATE TRIGGER t AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION touch()
DROP TRIGGER users_touched ON users
CREATE INDEX i ON users (state)
CREATE INDEX IF NOT EXISTS users_state ON users (state)
CREATE INDEX i ON ONLY events (id)
DROP INDEX users_state
REINDEX INDEX users_state
REINDEX TABLE users
REFRESH MATERIALIZED VIEW totals
REFRESH MATERIALIZED VIEW CONCURRENTLY totals
ALTER VIEW adults SET (security_barrier = true)
ALTER VIEW adults RENAME TO grown_ups
DROP VIEW elders
DROP VIEW adults CASCADE
DROP TABLE parents CASCADE
CREATE TABLE likes (user_id int REFERENCES users)
CREATE TABLE events_4 PARTITION OF events FOR VALUES FROM ('2025-05-01') TO ('2025-06-01')
CREATE TABLE heirs () INHERITS (parents)
DROP TABLE notes
DROP TABLE events_1
DROP TABLE posts CASCADE
DROP FUNCTION touch() CASCADE
DROP TYPE mood CASCADE
ALTER TABLE posts DROP CONSTRAINT posts_pkey CASCADE
ALTER TABLE posts DROP COLUMN id CASCADE
DROP TRIGGER IF EXISTS missing ON users
DROP POLICY IF EXISTS missing ON users
TRUNCATE notes
TRUNCATE posts CASCADE
LOCK TABLE users IN SHARE MODE
LOCK TABLE users, posts
INSERT INTO notes VALUES (1)
UPDATE posts SET title = 'b'
DELETE FROM notes
COMMENT ON TABLE users IS 'people'
COMMENT ON COLUMN users.id IS 'theirs'
COMMENT ON POLICY own ON users IS 'theirs'
COMMENT ON TRIGGER users_touched ON users IS 'seen'
COMMENT ON CONSTRAINT age_is_known ON users IS 'known'
CLUSTER users USING users_email
ANALYZE users
ALTER DOMAIN label ADD CONSTRAINT c CHECK (VALUE <> '')
ALTER DOMAIN label ADD CONSTRAINT c CHECK (VALUE <> '') NOT VALID
ALTER DOMAIN label SET NOT NULL
""".strip().splitlines()
NEWER = [
    "ALTER TABLE users ADD COLUMN a int GENERATED ALWAYS AS (age + 1) VIRTUAL",
    "ALTER TABLE users ADD CONSTRAINT c NOT NULL email",
    "ALTER TABLE users ADD CONSTRAINT c NOT NULL age",
    "ALTER TABLE users ADD CONSTRAINT c NOT NULL email NOT VALID",
    "ALTER TABLE users ADD CONSTRAINT c NOT NULL email NOT VALID; ALTER TABLE users ALTER email SET NOT NULL",
    "ALTER TABLE users ADD CONSTRAINT c NOT NULL email NOT VALID; ALTER TABLE users VALIDATE CONSTRAINT c",
]
ALONE = """
CREATE INDEX CONCURRENTLY i ON users (state)
DROP INDEX CONCURRENTLY users_state
REINDEX INDEX CONCURRENTLY users_state
REINDEX TABLE CONCURRENTLY users
VACUUM FULL users
VACUUM users
ALTER TABLE events DETACH PARTITION events_1 CONCURRENTLY
""".strip().splitlines()


def said(statement: str) -> dict[str, tuple[str, str]]:
    """What the catalog says: by table, the mode and the work."""
    catalog = Catalog()
    for text in (MADE, statement):
        migration = layouts.read("migrations/a.sql", text.encode(), "plain")
        assert not migration.broken, text
        catalog.begin()
        found: dict[str, tuple[str, str]] = {}
        for change in read_section(migration.up, migration.data):
            for effect in locks.effects(change, catalog.view()) if text is statement else ():
                known = found.get(effect.table.name, (effect.mode, effect.work))
                mode = min(known[0], effect.mode, key=MODES.index)
                found[effect.table.name] = (mode, min(known[1], effect.work, key=WORK.index))
            catalog.apply(change)
    return found


@pytest.fixture(scope="module")
def url(pg_bin: str) -> Iterator[str]:
    """A database with the tables that the statements are about."""
    import psycopg

    with throwaway(pg_bin) as server:
        made = server.create_database("locks")
        with psycopg.connect(made, autocommit=True) as connection:
            connection.execute(MADE.encode())
            connection.execute("CREATE SCHEMA other")
        yield made


RELATIONS = """
    SELECT oid::int, relname, pg_relation_filenode(oid)::int FROM pg_class
    WHERE relkind IN ('r', 'p', 'm', 'v') AND oid > 16383
"""
INDEXES = """
    SELECT i.indrelid::int, pg_relation_filenode(c.oid)::int FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relkind = 'i'
"""
SCANS = "SELECT relid::int, seq_scan::int FROM pg_stat_xact_user_tables"
HELD = "SELECT relation::int, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'"


def spelled(mode: str) -> str:
    """AccessExclusiveLock → access exclusive."""
    letters = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in mode.removesuffix("Lock"))
    return letters.strip()


def done(connection: psycopg.Connection, statement: str) -> dict[str, tuple[str, str]]:
    """What the server does, in the same form, to tables that were there before."""
    with connection.transaction(force_rollback=True):
        before = {oid: (name, node) for oid, name, node in connection.execute(RELATIONS).fetchall()}
        indexes = set(connection.execute(INDEXES).fetchall())
        scans: dict[int, int] = dict(connection.execute(SCANS).fetchall())
        connection.execute(statement.encode())
        held: dict[int, str] = {}
        for oid, mode in connection.execute(HELD).fetchall():
            word = spelled(mode)
            if oid in before and word in MODES:
                held[oid] = min(held.get(oid, word), word, key=MODES.index)
        nodes = {oid: node for oid, _, node in connection.execute(RELATIONS).fetchall()}
        made = {oid for oid, _ in set(connection.execute(INDEXES).fetchall()) - indexes}
        scanned = {oid for oid, count in connection.execute(SCANS).fetchall() if count > scans.get(oid, 0)}
        found: dict[str, tuple[str, str]] = {}
        for oid, mode in held.items():
            name, node = before[oid]
            work = "scan" if oid in scanned else ""
            work = "build" if oid in made else work
            work = "rewrite" if nodes.get(oid, node) != node else work
            found[name] = (mode, "" if statement.startswith("TRUNCATE") else work)
        return found


@pytest.mark.slow
@pytest.mark.parametrize("statement", [*IN_TRANSACTION, *NEWER])
def test_a_statement_takes_the_locks_and_does_the_work(url: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(url, options="-c timezone=Asia/Tokyo") as connection:
        if statement in NEWER and connection.info.server_version < 180000:
            pytest.skip("newer than this Postgres")
        real = done(connection, statement)
    expected = said(statement)
    named = statement.split("REFERENCES", maxsplit=1)[0]
    for name, (mode, work) in real.items():
        if (
            named != statement and name not in named and work == "scan"
        ):  # of a foreign key's tables, one may be read through its index
            real[name] = (mode, "")
    if statement.startswith("ALTER DOMAIN"):  # the statistics leave out this scan
        real = {name: (mode, "scan") for name, (mode, _) in real.items()}
    assert real == expected


@pytest.mark.slow
@pytest.mark.parametrize("statement", ALONE)
def test_a_statement_that_runs_alone_asks_for_the_lock(url: str, statement: str) -> None:
    """It gives its locks back, so somebody holds the table, and it is seen waiting."""
    import psycopg

    expected = said(statement)
    (table,) = [name for name in expected if name in {"users", "events"}]
    asking = "SELECT mode FROM pg_locks WHERE NOT granted AND relation = %s::regclass"
    with psycopg.connect(url) as holder, psycopg.connect(url, autocommit=True) as runner:
        mode = "ACCESS SHARE" if expected[table][0] == "access exclusive" else "SHARE UPDATE EXCLUSIVE"
        holder.execute(f"LOCK TABLE {table} IN {mode} MODE".encode())
        thread = threading.Thread(target=lambda: _cancelled(runner, statement))
        thread.start()
        for _ in range(500):
            modes = holder.execute(asking, [table]).fetchall()
            if modes:
                break
            time.sleep(0.01)
        runner.cancel()
        thread.join()
    assert [spelled(mode) for (mode,) in modes] == [expected[table][0]]


def _cancelled(connection: psycopg.Connection, statement: str) -> None:
    import psycopg

    with pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute(statement.encode())


@pytest.mark.slow
def test_what_a_session_starts_from_does_not_change_by_itself(url: str) -> None:
    """Before 15 a session passes on what it has read when it likes, at most twice a second."""
    import psycopg
    from psycopg.rows import dict_row

    pending = "SELECT pg_stat_get_xact_numscans('users'::regclass) AS scans"
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        oid = connection.execute("SELECT 'users'::regclass::oid::int8 AS oid").fetchone()
        assert oid is not None
        for _ in range(3):
            connection.execute("SELECT count(*) FROM users")
        scans = ground(connection).scans.get(oid["oid"], 0)
        connection.execute("SELECT pg_sleep(0.6)")
        assert connection.execute(pending).fetchone() == {"scans": scans}
