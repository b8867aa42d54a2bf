"""What a reader puts together from changes is what reading everything anew would show."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from elf_sqlcheck.postgres.compare import compare
from elf_sqlcheck.postgres.reader import SETTINGS, Reader
from elf_sqlcheck.postgres.roles import create_roles
from elf_sqlcheck.postgres.server import Server, throwaway
from elf_sqlcheck.postgres.snapshot import Snapshot, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

#: Statements that change whatever they find: most fail now and then, which changes nothing.
DEEDS = """
CREATE TABLE a (id serial PRIMARY KEY, name text NOT NULL DEFAULT 'x', n int CHECK (n > 0))
CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a (id), mood mood, c pair)
CREATE TABLE c (LIKE a INCLUDING ALL)
CREATE TABLE p (at date, n int) PARTITION BY RANGE (at)
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')
ALTER TABLE p DETACH PARTITION p1
ALTER TABLE p ATTACH PARTITION p1 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')
CREATE TABLE child (extra int) INHERITS (a)
ALTER TABLE child NO INHERIT a
CREATE TABLE bare () INHERITS (bare_parent)
CREATE TABLE bare_parent ()
ALTER TABLE bare NO INHERIT bare_parent
DROP TABLE a
DROP TABLE a CASCADE
DROP TABLE b
DROP TABLE c
DROP TABLE p CASCADE
ALTER TABLE a RENAME TO z
ALTER TABLE z RENAME TO a
ALTER TABLE a RENAME COLUMN name TO title
ALTER TABLE a RENAME COLUMN title TO name
ALTER TABLE a ADD COLUMN extra int
ALTER TABLE a ADD COLUMN mood mood DEFAULT 'ok'
ALTER TABLE a ADD COLUMN j text REFERENCES names (word)
ALTER TABLE a DROP COLUMN extra
ALTER TABLE a DROP COLUMN n CASCADE
ALTER TABLE a ADD COLUMN n int
ALTER TABLE a ALTER COLUMN name TYPE varchar(40)
ALTER TABLE a ALTER COLUMN name DROP NOT NULL
ALTER TABLE a ALTER COLUMN name DROP DEFAULT
ALTER TABLE a ALTER COLUMN id DROP DEFAULT
ALTER TABLE a ADD CONSTRAINT positive CHECK (id > 0) NOT VALID
ALTER TABLE a VALIDATE CONSTRAINT positive
ALTER TABLE a RENAME CONSTRAINT positive TO above
ALTER TABLE a DROP CONSTRAINT positive
ALTER TABLE a DROP CONSTRAINT above
ALTER TABLE a ADD UNIQUE (name)
ALTER TABLE a REPLICA IDENTITY USING INDEX by_name
ALTER TABLE a REPLICA IDENTITY USING INDEX by_id
CREATE UNIQUE INDEX by_name ON a (name)
CREATE UNIQUE INDEX by_id ON a (id)
ALTER TABLE a ADD CONSTRAINT by_constraint UNIQUE USING INDEX by_id
ALTER INDEX by_name RENAME TO by_title
DROP INDEX by_name
DROP INDEX by_title
CREATE INDEX ON a (lower(name)) WHERE id > 7
COMMENT ON TABLE a IS 'one'
COMMENT ON TABLE a IS NULL
COMMENT ON COLUMN a.name IS 'two'
COMMENT ON COLUMN a.name IS NULL
COMMENT ON CONSTRAINT positive ON a IS 'three'
COMMENT ON SCHEMA public IS 'four'
COMMENT ON INDEX by_name IS 'five'
GRANT SELECT ON a TO reader
GRANT UPDATE (name) ON a TO reader
REVOKE ALL ON a FROM reader
GRANT USAGE ON SCHEMA public TO reader
REVOKE USAGE ON SCHEMA public FROM reader
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader
ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM reader
ALTER TABLE a OWNER TO reader
ALTER TABLE a OWNER TO postgres
ALTER TABLE a ENABLE ROW LEVEL SECURITY
CREATE POLICY own ON a USING (name = current_user AND EXISTS (SELECT FROM b WHERE b.a = a.id))
CREATE POLICY plain ON a FOR SELECT TO reader USING (true)
ALTER POLICY plain ON a RENAME TO plainer
DROP POLICY own ON a
DROP POLICY plain ON a
CREATE VIEW v AS SELECT * FROM a JOIN b USING (id)
CREATE OR REPLACE VIEW v AS SELECT * FROM a JOIN b USING (id) WHERE a.id > 5
CREATE VIEW w AS SELECT name, 'ok'::mood AS state FROM a
ALTER VIEW w SET (security_invoker = true)
CREATE MATERIALIZED VIEW m AS SELECT count(*) AS n FROM a WITH NO DATA
REFRESH MATERIALIZED VIEW m
DROP VIEW v
DROP VIEW w
CREATE RULE quiet AS ON DELETE TO a DO INSTEAD NOTHING
DROP RULE quiet ON a
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'
CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'
ALTER FUNCTION touch() RENAME TO poke
ALTER FUNCTION poke() RENAME TO touch
DROP FUNCTION touch() CASCADE
CREATE FUNCTION of_a(row_of a DEFAULT NULL) RETURNS SETOF a LANGUAGE sql AS 'SELECT * FROM a'
CREATE FUNCTION atomic() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM a; END
DROP FUNCTION atomic()
CREATE TRIGGER touches BEFORE UPDATE ON a FOR EACH ROW WHEN (NEW.name IS NOT NULL) EXECUTE FUNCTION touch()
ALTER TABLE a DISABLE TRIGGER touches
ALTER TABLE a DISABLE TRIGGER ALL
ALTER TRIGGER touches ON a RENAME TO pokes
DROP TRIGGER touches ON a
CREATE TYPE mood AS ENUM ('sad', 'ok')
ALTER TYPE mood ADD VALUE 'glad'
ALTER TYPE mood ADD VALUE 'bad' BEFORE 'ok'
ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'
ALTER TYPE mood RENAME VALUE 'fine' TO 'ok'
ALTER TYPE mood RENAME TO temper
ALTER TYPE temper RENAME TO mood
DROP TYPE mood CASCADE
CREATE TYPE pair AS (x int, y text)
ALTER TYPE pair ADD ATTRIBUTE z int
ALTER TYPE pair DROP ATTRIBUTE z
ALTER TYPE pair RENAME ATTRIBUTE x TO left_one
COMMENT ON TYPE pair IS 'two things'
CREATE VIEW of_pair AS SELECT (c).y AS y FROM b
DROP TYPE pair CASCADE
CREATE DOMAIN word AS text CONSTRAINT short CHECK (length(VALUE) < 9)
ALTER DOMAIN word SET DEFAULT 'w'
ALTER DOMAIN word DROP CONSTRAINT short
ALTER DOMAIN word ADD CONSTRAINT short CHECK (length(VALUE) < 8)
CREATE TABLE names (word word PRIMARY KEY)
DROP DOMAIN word CASCADE
CREATE SEQUENCE numbers
ALTER SEQUENCE numbers INCREMENT 5
ALTER SEQUENCE numbers OWNED BY a.n
ALTER SEQUENCE numbers OWNED BY NONE
ALTER TABLE a ALTER COLUMN n SET DEFAULT nextval('numbers')
ALTER SEQUENCE numbers RENAME TO figures
ALTER SEQUENCE a_id_seq OWNED BY NONE
ALTER SEQUENCE a_id_seq OWNED BY a.id
DROP SEQUENCE numbers CASCADE
CREATE SCHEMA team
CREATE TABLE team.t (id bigint GENERATED ALWAYS AS IDENTITY, g int GENERATED ALWAYS AS (1) STORED)
ALTER TABLE a SET SCHEMA team
ALTER TABLE team.a SET SCHEMA public
ALTER SCHEMA team RENAME TO squad
ALTER SCHEMA squad RENAME TO team
DROP SCHEMA team CASCADE
CREATE EXTENSION citext
ALTER TABLE a ALTER COLUMN name TYPE citext
ALTER EXTENSION citext SET SCHEMA team
ALTER EXTENSION citext ADD TABLE c
ALTER EXTENSION citext DROP TABLE c
DROP EXTENSION citext CASCADE
CREATE PUBLICATION news FOR TABLE a
ALTER PUBLICATION news ADD TABLE b
ALTER PUBLICATION news SET (publish = 'insert')
DROP PUBLICATION news
CREATE STATISTICS related (ndistinct) ON id, name FROM a
DROP STATISTICS related
CREATE COLLATION plain (provider = libc, locale = 'C')
ALTER TABLE a ALTER COLUMN name TYPE text COLLATE plain
ALTER COLLATION plain RENAME TO simple
CREATE TABLE schema_migrations (version text PRIMARY KEY)
ALTER ROLE reader RENAME TO listener
ALTER ROLE listener RENAME TO reader
CREATE ROLE passing
DROP ROLE passing
VACUUM FULL pg_class
VACUUM FULL pg_constraint
INSERT INTO names VALUES ('a')
DO $$ BEGIN BEGIN ALTER TABLE a ADD COLUMN inside int; EXCEPTION WHEN duplicate_column THEN DROP TABLE c; END; END $$
DO $$ BEGIN BEGIN DROP TABLE a CASCADE; RAISE 'back'; EXCEPTION WHEN raise_exception THEN DROP TABLE b; END; END $$
""".strip().splitlines()


@pytest.fixture(scope="module")
def each_server(pg_bin: str) -> Iterator[Server]:
    with throwaway(pg_bin) as server:
        with server.connect() as connection:
            create_roles(connection, ["reader"])
        yield server


def differing(one: Snapshot, other: Snapshot) -> list[Any]:
    """What tells two snapshots apart, short enough to be shown."""
    parts = ((one.objects, other.objects), (one.parents, other.parents), (one.orders, other.orders))
    return [(key, a.get(key), b.get(key)) for a, b in parts for key in {**a, **b} if a.get(key) != b.get(key)]


@pytest.mark.parametrize("seed", [1, 4])
def test_what_changed_and_all_anew_are_the_same(each_server: Server, seed: int) -> None:
    dice = random.Random(seed)
    each_server.create_database("scratch")
    done: list[str] = []
    try:
        with each_server.connect("scratch") as acting, each_server.connect("scratch") as watching:
            for name, value in SETTINGS.items():
                watching.execute("SELECT set_config(%s, %s, false)", (name, value))
            reader = Reader(watching, prepare=True)
            taken = [reader.read()]
            deeds = dice.sample(DEEDS, len(DEEDS)) + dice.choices(DEEDS, k=20)
            while deeds:
                number = dice.randint(1, 4)
                chosen, deeds = deeds[:number], deeds[number:]
                for deed in chosen:
                    try:
                        acting.execute(deed)
                        done.append(deed)
                    except psycopg.Error:
                        pass
                taken.append(reader.read(dice.choice([None, taken[-1], taken[-1], taken[max(0, len(taken) - 3)]])))
                whole = snapshot(acting)
                assert differing(taken[-1], whole) == [], done[-8:]
                before = dice.choice(taken[-4:])
                again = Snapshot(dict(before.objects), dict(before.parents), dict(before.orders))
                assert compare(before, taken[-1]) == compare(again, whole), done[-8:]
            assert len(done) > 40
    finally:
        each_server.drop_database("scratch")
        with each_server.connect() as connection:
            names = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
            if "listener" in names:
                connection.execute("ALTER ROLE listener RENAME TO reader")
            connection.execute("DROP ROLE IF EXISTS passing")


def test_what_the_server_cuts_short_is_asked_again(each_server: Server) -> None:
    each_server.create_database("scratch")
    try:
        with each_server.connect("scratch") as acting, each_server.connect("scratch") as watching:
            for name, value in SETTINGS.items():
                watching.execute("SELECT set_config(%s, %s, false)", (name, value))
            reader = Reader(watching, prepare=True)
            acting.execute("CREATE TABLE first (id int PRIMARY KEY)")
            watching.execute("SET statement_timeout = '1ms'")
            with pytest.raises(psycopg.errors.QueryCanceled):
                reader.read()
            assert watching.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
            watching.execute("SET statement_timeout = 0")
            first = reader.read()
            assert differing(first, snapshot(acting)) == []
            # Locked, so that what describes the table waits until it is cut off: in the midst of a message.
            acting.execute("CREATE VIEW shown AS SELECT id FROM first")
            acting.execute("BEGIN; LOCK TABLE first IN ACCESS EXCLUSIVE MODE")
            watching.execute("SET lock_timeout = '50ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                reader.read(first)
            assert watching.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
            acting.execute("COMMIT")
            assert differing(reader.read(first), snapshot(acting)) == []
    finally:
        each_server.drop_database("scratch")
