"""What depends on an object, and the statements that bring a dropped one back."""

from __future__ import annotations

import pytest

from elf_sqlcheck import sql
from elf_sqlcheck.catalog.changes import Change
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.inverse import inverse
from elf_sqlcheck.catalog.locks import effects
from elf_sqlcheck.catalog.objects import Name
from elf_sqlcheck.catalog.read import read

SCHEMA = """
CREATE SCHEMA app;
CREATE TYPE mood AS ENUM ('sad');
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE teams (id int PRIMARY KEY, name text UNIQUE, feeling mood, size int);
CREATE TABLE app.members (team int REFERENCES teams, team_name text REFERENCES teams (name), x serial);
CREATE VIEW names AS SELECT name FROM teams;
CREATE VIEW members AS SELECT m.team, n.name FROM app.members m JOIN names n ON true;
CREATE TRIGGER stamped BEFORE INSERT ON teams FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE INDEX big ON teams (size) WHERE size > 10;
CREATE POLICY known ON app.members USING (EXISTS (SELECT 1 FROM teams WHERE id = team));
COMMENT ON COLUMN teams.size IS 'people';
GRANT SELECT (size) ON teams TO app;
"""


def changes_of(text: str) -> list[Change]:
    data = text.encode()
    return [change for statement in sql.parse(data).statements for change in read(statement, data)]


def catalog() -> Catalog:
    made = Catalog()
    made.apply_all(changes_of(SCHEMA))
    made.begin()
    return made


@pytest.mark.parametrize(
    ("kind", "name", "part", "expected"),
    [
        ("table", "teams", None, ["constraint members_team_fkey on app.members",
                                  "constraint members_team_name_fkey on app.members", "policy known on app.members",
                                  "view names"]),
        ("column", "teams", "name", ["constraint members_team_name_fkey on app.members", "view names"]),
        ("column", "teams", "size", []),
        ("constraint", "teams", "teams_pkey", ["constraint members_team_fkey on app.members"]),
        ("view", "names", None, ["view members"]),
        ("type", "mood", None, ["column teams.feeling"]),
        ("function", "stamp", None, ["trigger stamped on teams"]),
        ("sequence", "app.members_x_seq", None, ["the default of app.members.x"]),
        ("schema", "app", None, ["table app.members"]),
        ("table", "never_heard_of", None, []),
    ],
)  # fmt: skip
def test_what_depends_on_an_object_is_named(kind: str, name: str, part: str | None, expected: list[str]) -> None:
    schema, _, bare = name.rpartition(".")
    found = catalog().now.dependants(kind, Name(schema or None, bare), part)
    assert sorted(map(str, found)) == sorted(expected)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("ALTER TABLE teams DROP COLUMN size",
         ("ALTER TABLE teams ADD COLUMN IF NOT EXISTS size integer;\n"
          "CREATE INDEX big ON public.teams (size) WHERE size > 10;\n"
          "COMMENT ON COLUMN public.teams.size IS 'people';\n"
          "GRANT SELECT (size) ON TABLE public.teams TO app;")),
        ("DROP INDEX big", "CREATE INDEX big ON public.teams (size) WHERE size > 10;"),
        ("DROP POLICY known ON app.members", ""),
        ("DROP TABLE teams CASCADE", ""),
        ("DROP VIEW members", ""),
        ("CREATE TABLE IF NOT EXISTS teams (id int)", ""),
        ("COMMENT ON COLUMN teams.size IS 'heads'", "COMMENT ON COLUMN teams.size IS 'people';"),
        ("GRANT SELECT (size) ON teams TO app", ""),
        ("ALTER TYPE mood ADD VALUE 'glad'", ""),
        ("ALTER TABLE app.members ADD PRIMARY KEY (team)",
         "ALTER TABLE app.members DROP CONSTRAINT IF EXISTS members_pkey, ALTER COLUMN team DROP NOT NULL;"),
    ],
)  # fmt: skip
def test_the_inverse_brings_all_back_or_is_not_known(statement: str, expected: str) -> None:
    (change,) = changes_of(statement)
    assert inverse(change, catalog().now) == expected


def test_what_refers_to_a_column_follows_its_names() -> None:
    made = Catalog()
    made.apply_all(
        changes_of("""
        CREATE TABLE t (a int UNIQUE, b serial, CONSTRAINT k PRIMARY KEY (b));
        CREATE TABLE child (a int REFERENCES t (a), b int REFERENCES t);
        CREATE VIEW v AS SELECT a FROM t;
        CREATE STATISTICS s ON a, b FROM t;
        ALTER TABLE t RENAME a TO c;
        ALTER TABLE t RENAME TO u;
        ALTER TABLE u RENAME b TO d;
        ALTER TABLE child RENAME TO grown;
        ALTER VIEW v RENAME TO w;
        """)
    )
    full = Name("public", "u")
    assert sorted(map(str, made.now.dependants("column", full, "c"))) == [
        "constraint child_a_fkey on grown", "view w",
    ]  # fmt: skip
    assert [*map(str, made.now.dependants("column", full, "d"))] == ["constraint child_b_fkey on grown"]
    assert not made.now.dependants("column", full, "a")
    made.apply_all(changes_of("ALTER TABLE u DROP COLUMN d CASCADE"))
    assert made.now.is_absent("relation", Name("public", "t_b_seq"))
    assert made.now.is_absent("statistics", Name("public", "s"))
    assert [*(made.now.table(Name("public", "grown")) or pytest.fail("it is gone")).constraints] == ["child_a_fkey"]


def test_a_constraint_of_a_domain_is_checked_in_all_tables_with_a_column_of_it() -> None:
    made = Catalog()
    made.apply_all(
        changes_of("""
        CREATE DOMAIN size AS int;
        CREATE TABLE z (id int, a size) PARTITION BY RANGE (id);
        CREATE TABLE other (a int);
        CREATE TABLE parent (id int) PARTITION BY RANGE (id);
        CREATE TABLE part PARTITION OF parent FOR VALUES FROM (0) TO (9);
        ALTER TABLE parent ADD COLUMN a size;
        CREATE TABLE alike (LIKE z);
        """)
    )
    (change,) = changes_of("ALTER DOMAIN size ADD CHECK (VALUE > 0)")
    assert [effect.table.name for effect in effects(change, made.now)] == ["z", "parent", "part", "alike"]
