"""The catalog's own proof: what it says of a schema is what a real server shows after the same statements."""

from __future__ import annotations

from typing import Any

import pytest

from elf_sqlcheck import sql
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.read import read
from elf_sqlcheck.catalog.schema import Enum, Sequence, Table, View

pytestmark = pytest.mark.slow

DDL = """
CREATE SCHEMA app;
CREATE TABLE teams (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name varchar(50) NOT NULL UNIQUE,
    size int CHECK (size > 0));
CREATE TABLE app.members (
    team_id uuid NOT NULL REFERENCES teams ON DELETE CASCADE,
    person text COLLATE "C",
    role text DEFAULT 'member'::text,
    since timestamptz DEFAULT now(),
    pay numeric(10,2)[],
    PRIMARY KEY (team_id, person),
    CHECK (length(role) > 1 AND person <> ''),
    CONSTRAINT since_first UNIQUE (since, person) DEFERRABLE
);
CREATE TABLE numbers (a serial PRIMARY KEY, b bigserial, c smallint GENERATED ALWAYS AS IDENTITY,
    d int GENERATED ALWAYS AS (a * 2) STORED);
CREATE TABLE a_table_with_a_name_that_is_as_long_as_it_may_be_for_postgres (
    a_column_that_also_has_quite_a_long_name_for_a_column int UNIQUE,
    other_column int REFERENCES numbers
);
CREATE INDEX ON teams (lower(name), size);
CREATE INDEX ON teams (size, (size + 1), (size + 2));
CREATE UNIQUE INDEX teams_size_once ON teams (size);
CREATE INDEX teams_small ON teams (name) WHERE size < 3;
ALTER TABLE teams ADD CONSTRAINT teams_one_size UNIQUE USING INDEX teams_size_once;
ALTER TABLE teams ADD COLUMN lead uuid UNIQUE, ADD COLUMN motto text NOT NULL DEFAULT '', DROP COLUMN size;
ALTER TABLE teams ALTER lead TYPE text, ALTER motto DROP DEFAULT, ALTER motto DROP NOT NULL, ALTER name TYPE text;
ALTER TABLE teams RENAME COLUMN motto TO slogan;
ALTER TABLE teams RENAME TO groups;
ALTER TABLE app.members RENAME CONSTRAINT since_first TO since_once;
ALTER TABLE app.members ADD FOREIGN KEY (person) REFERENCES groups (lead);
ALTER INDEX app.since_once RENAME TO since_only;
CREATE TABLE events (id bigint, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TYPE app.mood AS ENUM ('sad', 'happy');
ALTER TYPE app.mood ADD VALUE 'fine' BEFORE 'happy';
ALTER TYPE app.mood RENAME VALUE 'sad' TO 'blue';
CREATE VIEW app.names AS SELECT name FROM groups;
CREATE MATERIALIZED VIEW counts AS SELECT count(*) AS n FROM groups;
CREATE UNIQUE INDEX ON counts (n);
CREATE SEQUENCE app.ticket;
CREATE TABLE gone (id int); CREATE VIEW gone_too AS SELECT * FROM gone; DROP TABLE gone CASCADE;
CREATE TABLE moving (id int PRIMARY KEY); ALTER TABLE moving SET SCHEMA app;
ALTER TABLE numbers ADD CHECK (b > 0) NOT VALID, ADD CHECK (b > c);
ALTER TABLE groups ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY readable ON groups FOR SELECT USING (true);
SET search_path TO app, public;
CREATE TABLE found_by_path (id int REFERENCES numbers);
CREATE INDEX ON groups (slogan);
"""


def _expected(catalog: Catalog) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for _, thing in catalog.now.objects():
        if isinstance(thing, Table):
            table = str(thing.name)
            found[f"table {table}"] = {"rls": thing.row_security, "forced": thing.forced}
            for column in thing.columns.values():
                assert column is not None
                found[f"column {table}.{column.name}"] = {
                    "type": str(column.type.stored), "not_null": column.not_null, "identity": column.identity,
                }  # fmt: skip
            found.update({f"constraint {table} {name}": {} for name in thing.constraints})
            found.update({f"policy {table} {name}": {} for name in thing.policies})
        elif isinstance(thing, View):
            found[f"{'materialized view' if thing.materialized else 'view'} {thing.name}"] = {}
        elif isinstance(thing, Enum):
            found[f"enum {thing.name}"] = {"labels": list(thing.labels)}
        elif isinstance(thing, Sequence):
            found[f"sequence {thing.name}"] = {}
        if isinstance(thing, Table | View):
            found.update({f"index {thing.name.schema}.{name}": {} for name in thing.indexes})
    return found


QUERIES = (
    """SELECT CASE c.relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view ' WHEN 'S' THEN 'sequence '
              WHEN 'i' THEN 'index ' WHEN 'I' THEN 'index ' ELSE 'table ' END || n.nspname || '.' || c.relname,
              CASE WHEN c.relkind IN ('r', 'p')
                   THEN jsonb_build_object('rls', c.relrowsecurity, 'forced', c.relforcerowsecurity) ELSE '{}' END
       FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
       WHERE n.nspname IN ('public', 'app') AND c.relkind <> 'c'
         AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype IN ('i', 'a') AND c.relkind = 'S')""",
    """SELECT 'column ' || n.nspname || '.' || c.relname || '.' || attname,
              jsonb_build_object('type', format_type(atttypid, atttypmod), 'not_null', attnotnull, 'identity',
                  CASE attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' ELSE '' END)
       FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace
       WHERE n.nspname IN ('public', 'app') AND c.relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped""",
    """SELECT 'constraint ' || n.nspname || '.' || c.relname || ' ' || conname, '{}'::jsonb
       FROM pg_constraint JOIN pg_class c ON c.oid = conrelid JOIN pg_namespace n ON n.oid = relnamespace
       WHERE n.nspname IN ('public', 'app') AND contype <> 'n'""",
    """SELECT 'policy ' || n.nspname || '.' || c.relname || ' ' || polname, '{}'::jsonb
       FROM pg_policy JOIN pg_class c ON c.oid = polrelid JOIN pg_namespace n ON n.oid = relnamespace""",
    """SELECT 'enum ' || n.nspname || '.' || typname,
              jsonb_build_object('labels', (SELECT jsonb_agg(enumlabel ORDER BY enumsortorder)
                                            FROM pg_enum WHERE enumtypid = t.oid))
       FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace
       WHERE typtype = 'e' AND n.nspname IN ('public', 'app')""",
)


def test_catalog_and_server_agree(database: str) -> None:
    import psycopg

    data = DDL.encode()
    catalog = Catalog()
    script = sql.parse(data)
    assert not script.broken
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in script.statements:
            text = data[statement.span.start : statement.span.end].decode()
            connection.execute(text.encode())
            for change in read(statement, data):
                catalog.apply(change)
        actual = {key: value for query in QUERIES for key, value in connection.execute(query).fetchall()}
    expected = _expected(catalog)
    for key in [key for key in actual if "events_2025" in key and key.startswith(("index", "constraint"))]:
        del actual[key]  # what a partition has from its parent is not repeated in the catalog
    different = {k: (expected.get(k), actual.get(k)) for k in {*expected, *actual} if expected.get(k) != actual.get(k)}
    assert different == {}
