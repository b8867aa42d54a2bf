"""What a deploy left: the schema, every row, and what the history says of it, as one value that can be compared."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg import sql

from elf_sqlcheck.postgres.compare import compare
from elf_sqlcheck.postgres.snapshot import TRACKING_TABLES, snapshot

if TYPE_CHECKING:
    from collections.abc import Collection

    import psycopg

    from elf_sqlcheck.postgres.snapshot import Snapshot

_TABLES = """
SELECT c.oid::regclass::text, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'
 ORDER BY 1
"""
_INVALID = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid ORDER BY 1"
_STATES = (
    "SELECT version, name, status, checksum, error, metadata ? 'progress' FROM public.schema_migrations ORDER BY 1"
)
_DONE = "SELECT version FROM public.migration_history WHERE action = 'up' AND success ORDER BY version"


class State(NamedTuple):
    """What a database holds: the schema, the rows of its tables, its invalid indexes, and its schema_migrations.

    `done` are the versions that the history says were carried out, each as often as it says so.
    """

    schema: Snapshot
    rows: dict[str, Counter[str]]
    invalid: tuple[str, ...]
    migrations: tuple[tuple[Any, ...], ...]
    done: tuple[str, ...]


def state(connection: psycopg.Connection[Any]) -> State:
    """Read all of it, in autocommit mode."""
    rows = {}
    for name, schema, table in connection.execute(_TABLES).fetchall():
        if f"{schema}.{table}" not in TRACKING_TABLES:
            found = connection.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(schema, table)))
            rows[name] = Counter(row[0] for row in found)
    return State(
        snapshot(connection),
        rows,
        tuple(row[0] for row in connection.execute(_INVALID)),
        tuple(connection.execute(_STATES).fetchall()),
        tuple(row[0] for row in connection.execute(_DONE)),
    )


def differences(expected: State, found: State, versions: Collection[str]) -> list[str]:
    """What is not as after an undisturbed run, in plain words; [] when all is well."""
    told = [difference.describe() for difference in compare(expected.schema, found.schema)]
    for table in sorted({*expected.rows, *found.rows}):
        before, after = expected.rows.get(table, Counter()), found.rows.get(table, Counter())
        told += [f"{table}: {count} time(s) too few: {row}" for row, count in sorted((before - after).items())]
        told += [f"{table}: {count} time(s) too many: {row}" for row, count in sorted((after - before).items())]
    told += [f"the index {name} is INVALID" for name in found.invalid]
    told += [f"schema_migrations: {row}" for row in set(found.migrations) ^ set(expected.migrations)]
    if found.done != tuple(versions):
        told.append(f"the history says that these were carried out: {', '.join(found.done)}")
    return told
