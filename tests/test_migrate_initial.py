"""A migration written from a live schema makes that very schema again, and takes it away again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.layouts import read
from elf_sqlcheck.migrate import create
from elf_sqlcheck.migrate.history import History
from elf_sqlcheck.migrate.initial import read_schema
from elf_sqlcheck.postgres.compare import compare
from elf_sqlcheck.postgres.roles import create_roles
from elf_sqlcheck.postgres.snapshot import snapshot
from elf_sqlcheck.shared.database import SupabaseExecutor
from tests.judging import skip_newer

if TYPE_CHECKING:
    from elf_sqlcheck.postgres.server import Server

SCHEMA = """
CREATE EXTENSION IF NOT EXISTS citext;
CREATE SCHEMA shop;
CREATE TYPE shop.mood AS ENUM ('sad', 'it''s ok', 'happy');
CREATE TYPE shop.pair AS (a int, b text);
CREATE DOMAIN shop.positive AS numeric(10, 2) DEFAULT 1 NOT NULL CONSTRAINT positive_check CHECK (VALUE > 0);
CREATE TYPE shop.span AS RANGE (SUBTYPE = int8);
CREATE SEQUENCE shop.numbers START 100 INCREMENT 5 CYCLE MAXVALUE 1000;
CREATE FUNCTION shop.next_number() RETURNS int LANGUAGE sql AS $$ SELECT nextval('shop.numbers')::int $$;
CREATE TABLE shop."Order Items" (
    id uuid DEFAULT gen_random_uuid() CONSTRAINT items_pkey PRIMARY KEY,
    number int NOT NULL DEFAULT shop.next_number(),
    serial_number serial,
    email public.citext UNIQUE,
    mood shop.mood DEFAULT 'happy',
    price shop.positive,
    pairs shop.pair[],
    span shop.span,
    twice numeric GENERATED ALWAYS AS (number * 2) STORED,
    counter bigint GENERATED ALWAYS AS IDENTITY,
    name text COLLATE "C",
    parent uuid,
    CONSTRAINT items_number_check CHECK (number > 0)
) WITH (fillfactor = 70);
CREATE TABLE shop.teams (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), lead uuid);
ALTER TABLE shop."Order Items" ADD CONSTRAINT fk_items_parent FOREIGN KEY (parent) REFERENCES shop.teams (id)
    ON DELETE SET NULL;
ALTER TABLE shop.teams ADD CONSTRAINT fk_teams_lead FOREIGN KEY (lead) REFERENCES shop."Order Items" (id) DEFERRABLE;
ALTER TABLE shop.teams ADD CONSTRAINT teams_later CHECK (lead IS NOT NULL) NOT VALID;
CREATE UNIQUE INDEX idx_items_name ON shop."Order Items" (lower(name)) INCLUDE (number) WHERE number > 3;
CREATE TABLE events (id int, at timestamptz NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
CREATE INDEX idx_events_at ON events (at);
CREATE TABLE animals (name text);
CREATE TABLE cats (lives int DEFAULT 9) INHERITS (animals);
CREATE UNLOGGED TABLE scratch (v int);
CREATE VIEW shop.big WITH (security_invoker = true) AS SELECT id, number FROM shop."Order Items" WHERE number > 10;
CREATE VIEW a_view_over_it AS SELECT count(*) AS n FROM shop.big;
CREATE MATERIALIZED VIEW totals AS SELECT sum(number) AS total FROM shop."Order Items";
CREATE UNIQUE INDEX idx_totals ON totals (total);
CREATE FUNCTION shop.of_row(item shop."Order Items") RETURNS text LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = '' AS $body$ BEGIN RETURN item.name || '; -- not a comment'; END $body$;
CREATE PROCEDURE shop.clean(days int DEFAULT 3) LANGUAGE plpgsql AS $$ BEGIN DELETE FROM shop.teams; END $$;
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE FUNCTION shop.atomic(x int) RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM shop.teams; END;
CREATE TRIGGER touch BEFORE UPDATE ON shop.teams FOR EACH ROW EXECUTE FUNCTION shop.touch();
ALTER TABLE shop.teams DISABLE TRIGGER touch;
CREATE RULE keep AS ON DELETE TO scratch DO INSTEAD NOTHING;
ALTER TABLE shop.teams ENABLE ROW LEVEL SECURITY;
ALTER TABLE shop.teams FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON shop.teams FOR SELECT TO shop_reader, PUBLIC USING (lead IS NOT NULL);
CREATE POLICY "write one" ON shop.teams AS RESTRICTIVE FOR INSERT WITH CHECK (shop.atomic(1) > 0);
GRANT USAGE ON SCHEMA shop TO shop_reader;
GRANT SELECT, INSERT ON shop.teams TO shop_reader;
GRANT UPDATE (lead) ON shop.teams TO shop_reader WITH GRANT OPTION;
REVOKE ALL ON FUNCTION shop.next_number() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION shop.next_number() TO shop_reader;
COMMENT ON TABLE shop.teams IS 'It''s the teams';
COMMENT ON COLUMN shop.teams.lead IS 'who leads';
COMMENT ON FUNCTION shop.touch() IS 'touches';
COMMENT ON POLICY own ON shop.teams IS 'own rows';
COMMENT ON CONSTRAINT fk_teams_lead ON shop.teams IS 'leads';
COMMENT ON TYPE shop.mood IS 'moods';
COMMENT ON SCHEMA shop IS 'sells';
"""


def test_a_written_schema_is_the_same_again(server: Server, database: str) -> None:
    skip_newer(SCHEMA, server.provider.major)
    with SupabaseExecutor(database) as executor:
        create_roles(executor.connection, ["shop_reader"])
        History(executor).prepare()
        executor.query(SCHEMA)
        wanted = snapshot(executor.connection)
        found = read_schema(executor)
    assert found.left_out == ()
    text = create.text("20250101_000000", "initial_schema", up=found.up, down=found.down)
    migration = read("migrations/20250101_000000_initial_schema.sql", text.encode())
    assert migration.broken == ()
    assert migration.down is not None
    other = server.create_database("written_schema")
    try:
        with SupabaseExecutor(other) as executor:
            empty = snapshot(executor.connection)
            executor.run(migration, migration.up)
            again = snapshot(executor.connection)
            assert [difference.describe() for difference in compare(wanted, again) if difference.matters] == []
            executor.run(migration, migration.down)
            left = compare(empty, snapshot(executor.connection))
            assert [difference.describe() for difference in left if difference.matters] == []
            executor.run(migration, migration.up)
    finally:
        server.drop_database("written_schema")


def test_what_cannot_be_written_is_named(database: str) -> None:
    with SupabaseExecutor(database) as executor:
        executor.query("CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int)")
        executor.query("CREATE TABLE a (x int, y int)")
        executor.query("CREATE STATISTICS both_of_a ON x, y FROM a")
        assert read_schema(executor).left_out == (
            "aggregate public.total(integer)",
            "statistics object public.both_of_a",
        )


def test_an_empty_database_gives_nothing(database: str) -> None:
    with SupabaseExecutor(database) as executor:
        assert read_schema(executor).objects == 0
