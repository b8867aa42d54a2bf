"""What catalog.types says of a change of type is what a real Postgres does, for every pair of many types."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck import layouts
from elf_sqlcheck.catalog import types
from elf_sqlcheck.catalog.changes import CreateTable
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.read import read_section
from elf_sqlcheck.postgres.server import throwaway

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from elf_sqlcheck.catalog.objects import Type
    from elf_sqlcheck.catalog.schema import Schema

MADE = """
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TYPE moods AS ENUM ('sad', 'happy', 'so-so');
CREATE DOMAIN label AS varchar(5);
CREATE DOMAIN name_of AS text;
CREATE DOMAIN positive AS int4 CHECK (VALUE > 0);
CREATE DOMAIN always AS text NOT NULL;
CREATE DOMAIN of_label AS label;
"""
LONG = "longer than all the others, to be sure of it, and a little longer still"
#: Each type and values of it that are hard on others: the longest, the largest, the finest.
SAMPLES = {
    "smallint": ["-32768", "7"],
    "integer": ["-2147483648", "16777217"],
    "bigint": ["-9223372036854775808", "9007199254740993"],
    "numeric": ["123456789012345678901234567890.123456789", "-0.5"],
    "numeric(10,2)": ["-99999999.99", "99999999.99"],
    "numeric(12,2)": ["-9999999999.99", "9999999999.99"],
    "numeric(12,4)": ["-99999999.9999"],
    "numeric(6)": ["-999999"],
    "real": ["0.1", "-1e30"],
    "double precision": ["0.1", "-1e300"],
    "money": ["-92233720368547758.08"],
    "text": ["a", LONG],
    "varchar": ["a", LONG],
    "varchar(5)": ["abcde"],
    "varchar(40)": ["a" * 40],
    "char(5)": ["abcde"],
    "char(8)": ["abcdefgh"],
    "name": ["n" * 63],
    "bit(4)": ["1010"],
    "bit(6)": ["101011"],
    "varbit": ["1010101010"],
    "varbit(6)": ["101011"],
    "boolean": ["true", "false"],
    "uuid": ["00000000-0000-0000-0000-00000000000a"],
    "date": ["2025-01-21"],
    "timestamp": ["2025-01-21 09:30:00.123456"],
    "timestamp(3)": ["2025-01-21 09:30:00.123"],
    "timestamptz": ["2025-01-21 09:30:00.123456+02"],
    "timestamptz(0)": ["2025-01-21 09:30:00+02"],
    "time": ["09:30:00.123456"],
    "time(0)": ["09:30:00"],
    "timetz": ["09:30:00.123456+02"],
    "interval": ["1 year 2 days 00:00:00.123456"],
    "interval(3)": ["2 days 00:00:01.123"],
    "json": ['{"a": 1}', f'["{LONG}"]'],
    "jsonb": ['{"a": 1}', f'["{LONG}"]'],
    "inet": ["10.0.0.1/24"],
    "cidr": ["10.0.0.0/24"],
    "macaddr": ["08:00:2b:01:02:03"],
    "macaddr8": ["08:00:2b:01:02:03:04:05"],
    "bytea": ["\\x00ff"],
    "oid": ["7"],
    "regclass": ["pg_class"],
    "text[]": ["{abcdefghij}"],
    "varchar(5)[]": ["{abcde}"],
    "varchar(9)[]": ["{abcdefghi}"],
    "varchar[]": ["{abcdefghij}"],
    "integer[]": ["{1000000000}"],
    "bigint[]": ["{1000000000000}"],
    "mood": ["sad", "happy"],
    "moods": ["sad", "so-so"],
    "label": ["abcde"],
    "name_of": ["a", LONG],
    "positive": ["2147483647"],
    "of_label": ["abcde"],
    "always": ["a", LONG],
    "label[]": ["{abcde}"],
}
#: On the server, since there are thousands of pairs with three ways each; whatever is tried is taken back.
TRIALS = """
CREATE FUNCTION ways(new text) RETURNS SETOF text LANGUAGE sql AS $$
    VALUES (''), (' USING c::' || new), (' USING c::text::' || new)
$$;

CREATE FUNCTION rewritten(old text, new text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE way text; before oid; found boolean;
BEGIN
    FOR way IN SELECT ways(new) LOOP
        BEGIN
            EXECUTE 'CREATE TABLE t (c ' || old || ')';
            IF 'always' NOT IN (old, new) THEN INSERT INTO t VALUES (NULL); END IF;
            before := pg_relation_filenode('t');
            EXECUTE 'ALTER TABLE t ALTER c TYPE ' || new || way;
            found := before <> pg_relation_filenode('t');
            RAISE SQLSTATE 'ELF01';
        EXCEPTION WHEN SQLSTATE 'ELF01' THEN RETURN found;
                  WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    RETURN NULL;
END $$;

CREATE FUNCTION survives(value text, old text, new text, way text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE back text; found boolean;
BEGIN
    FOREACH back IN ARRAY ARRAY['c', 'c::text'] LOOP
        BEGIN
            found := false;
            EXECUTE format('CREATE TABLE t (c %s)', old);
            EXECUTE format('INSERT INTO t VALUES (%L)', value);
            EXECUTE format('ALTER TABLE t ALTER c TYPE %s%s', new, way);
            EXECUTE format('SELECT (%s)::%s::text = %L::%s::text FROM t', back, old, value, old) INTO found;
            RAISE SQLSTATE 'ELF01';
        EXCEPTION WHEN SQLSTATE 'ELF01' THEN IF found THEN RETURN true; END IF;
                  WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    RETURN false;
END $$;

CREATE FUNCTION lossless(old text, new text, samples text[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE way text;
BEGIN
    FOR way IN SELECT ways(new) LOOP
        BEGIN
            EXECUTE format('CREATE TABLE t (c %s)', old);
            EXECUTE format('ALTER TABLE t ALTER c TYPE %s%s', new, way);
            RAISE SQLSTATE 'ELF01';
        EXCEPTION WHEN SQLSTATE 'ELF01' THEN
                      RETURN (SELECT bool_and(survives(one, old, new, way)) FROM unnest(samples) AS one);
                  WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    RETURN NULL;
END $$;
"""
PAIRS = list(itertools.permutations(SAMPLES, 2))


def folded(sql: str) -> tuple[Schema, list[CreateTable]]:
    """The schema that statements leave, and the tables among them."""
    migration = layouts.read("migrations/a.sql", sql.encode(), "plain")
    catalog = Catalog()
    catalog.begin()
    changes = read_section(migration.up, migration.data)
    catalog.apply_all(changes)
    return catalog.view(), [change for change in changes if isinstance(change, CreateTable)]


@pytest.fixture(scope="module")
def known() -> tuple[Schema, dict[str, Type]]:
    """The schema with our own types, and each type as the parser reads it."""
    tables = "".join(f"CREATE TABLE t{number} (c {kind});\n" for number, kind in enumerate(SAMPLES))
    schema, made = folded(MADE + tables)
    return schema, {kind: table.columns[0].type for kind, table in zip(SAMPLES, made, strict=True)}


@pytest.fixture(scope="module")
def connection(pg_bin: str) -> Iterator[psycopg.Connection]:
    """A database that has our own types."""
    import psycopg

    with (
        throwaway(pg_bin) as server,
        psycopg.connect(server.create_database("casts"), autocommit=True) as connection,
    ):
        connection.execute((MADE + TRIALS).encode())
        yield connection


def rewritten(connection: psycopg.Connection, old: str, new: str) -> bool | None:
    """Whether the server rewrites a table; None where it knows no way from one type to the other."""
    found = connection.execute("SELECT rewritten(%s, %s)", (old, new)).fetchone()
    return found[0] if found else None


@pytest.mark.slow
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_rewrites_is_what_the_server_does(
    connection: psycopg.Connection, known: tuple[Schema, dict[str, Type]], zone: str
) -> None:
    schema, read = known
    if zone == "UTC":
        schema = folded(f"{MADE} SET timezone = 'utc';")[0]
    connection.execute(f"SET timezone = '{zone}'".encode())
    stamps = [pair for pair in PAIRS if all(kind.startswith("timestamp") for kind in pair)]
    wrong = []
    for old, new in PAIRS if zone != "UTC" else stamps:
        real = rewritten(connection, old, new)
        said = types.rewrites(read[old], read[new], schema)
        if real is not None and said != real:
            wrong.append(f"{old} → {new}: said {said}, did {real}")
    assert not wrong, "\n".join(wrong)


def lossless(connection: psycopg.Connection, old: str, new: str) -> bool | None:
    """Whether all samples of a type survive the way to the other and back; None where there is no way."""
    found = connection.execute("SELECT lossless(%s, %s, %s)", (old, new, SAMPLES[old])).fetchone()
    return found[0] if found else None


#: Domains may refuse values that these samples do not have.
REFUSING = {"positive", "always"}


@pytest.mark.slow
def test_narrows_is_what_values_meet(connection: psycopg.Connection, known: tuple[Schema, dict[str, Type]]) -> None:
    schema, read = known
    connection.execute("SET timezone = 'UTC'")
    wrong = []
    for old, new in PAIRS:
        said = types.narrows(read[old], read[new], schema)
        if said is None or new in REFUSING:
            continue
        kept = lossless(connection, old, new)
        if kept is not None and said == kept:
            wrong.append(f"{old} → {new}: narrows {said}, lossless {kept}")
    assert not wrong, "\n".join(wrong)


def test_binary_coercible_pairs_are_those_of_the_server(connection: psycopg.Connection) -> None:
    query = """
        SELECT s.typname, t.typname FROM pg_cast
        JOIN pg_type s ON s.oid = castsource JOIN pg_type t ON t.oid = casttarget
        WHERE castmethod = 'b' AND castsource <> casttarget AND t.typname <> 'bytea'
    """
    real = {(str(old), str(new)) for old, new in connection.execute(query).fetchall()}
    names = types.BUILT_IN - {"citext"} | {"pg_node_tree"}
    assert real == {pair for pair in itertools.permutations(names, 2) if types.is_coercible(*pair)}
