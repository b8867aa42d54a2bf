"""A real Postgres agrees with the labels of the corpus.

Every case runs. What labels say about locks, scans, rewrites and failures is measured on the statement that they stand
beside, and a DOWN that is not marked brings back what was there. So a label is a fact and no opinion.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
import pytest
from psycopg import sql

from elf_sqlcheck import layouts
from elf_sqlcheck.postgres.compare import compare
from elf_sqlcheck.postgres.server import Server, throwaway
from elf_sqlcheck.postgres.snapshot import snapshot
from tests import labelled
from tests.judging import is_newer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.model import Migration, Section, Statement

    Connection = psycopg.Connection[tuple[Any, ...]]

#: Every row is written anew: the table has another file afterwards.
REWRITES = frozenset({"add-column-rewrite", "column-type-rewrite", "table-rewrite"})
NEW_FILES = REWRITES | {"refresh-without-concurrently", "truncate"}
#: An old table is read from end to end while a lock is held on it that writers, at least, wait for.
SCANS = NEW_FILES | {
    "check-without-not-valid", "exclusion-constraint", "foreign-key-without-not-valid", "index-without-concurrently",
    "not-null-without-default", "partition-attach-scan", "primary-key-without-using-index",
    "reindex-without-concurrently", "set-not-null-scan", "unique-without-using-index", "validate-in-same-transaction",
}  # fmt: skip
#: A strong lock on an old table, if only for a moment.
LOCKS = SCANS - {"validate-in-same-transaction"} | {
    "drop-column", "drop-index-without-concurrently", "drop-table", "many-tables-locked", "missing-lock-timeout",
    "partition-detach", "rename-column", "rename-table", "trigger-on-busy-table",
}  # fmt: skip
#: What Postgres says when rows are there already that do not fit.
FAILS = {
    "constraint-may-fail": {"23503", "23505", "23514"},
    "narrowing-type": {"22001", "22003", "23514"},
    "not-null-without-default": {"23502"},
}
#: Narrowing that does not fail, but cuts the values.
CUTS = {"data/narrow_timestamp_to_date", "rollback/time_of_day_lost"}

CASES = [case for case in labelled.cases() if not case.runs]
MEASURED = [case for case in CASES if case.family in {"locking", "data"} and "table-sizes" not in case.config]
FAILING = [
    case for case in CASES if case.rules & FAILS.keys() and case.name not in CUTS and not case.config.get("profile")
]

#: EXCLUSIVE is not among them: only REFRESH … CONCURRENTLY takes it, on a view that nobody but it writes.
_STRONG = {"ShareLock", "ShareRowExclusiveLock", "AccessExclusiveLock"}
_OLD = """
    SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm', 'p') AND n.nspname IN ('public', 'reports')
"""
_FILES = "SELECT oid, pg_relation_filenode(oid) FROM pg_class WHERE oid = ANY(%s)"
_READ = "SELECT relid, seq_scan FROM pg_stat_xact_user_tables WHERE relid = ANY(%s)"
_HELD = "SELECT relation, mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation = ANY(%s)"
_ROLES = "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_'"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    """A server with a database for each base that a case may begin with, and one whose tables hold rows."""
    platform = "platform_supabase.sql"
    bases = {"base": ["base.sql"], "rows": ["base.sql", "rows.sql"], "none": []}
    bases["base_supabase"] = [platform, "base_supabase.sql"]
    with throwaway(major=18) as server:
        for name, files in bases.items():
            with connected(server.create_database(name)) as connection:
                for file in files:
                    with open(os.path.join(labelled.FOLDER, file), "rb") as script:
                        migration = layouts.read(file, script.read())
                    connection.execute(migration.data[migration.up.span.start : migration.up.span.end])
        yield server


def connected(url: str) -> Connection:
    """A connection from a place where a timestamp that gets a time zone becomes another number."""
    return psycopg.connect(url, autocommit=True, options="-c timezone=Europe/Vienna")


@contextlib.contextmanager
def copy_of(server: Server, case: labelled.Case, base: str = "") -> Iterator[Connection]:
    """A connection to a copy of the case's base. Roles belong to the whole server: those that it makes are dropped."""
    profile = case.config.get("profile", "")
    base = base or ("none" if case.base is None else f"base_{profile}" if profile else "base")
    name = f"case_{next(_numbers)}"
    with server.connect() as admin:
        before = admin.execute(_ROLES).fetchall()
    try:
        with connected(server.create_database(name, base)) as connection:
            yield connection
    finally:
        server.drop_database(name)
        with server.connect() as admin:
            for (role,) in set(admin.execute(_ROLES).fetchall()) - set(before):
                admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def read(case: labelled.Case) -> list[tuple[Migration, labelled.File]]:
    """The migrations of a case in their order, each with its file."""
    files = {file.path: file for file in case.files}
    found = layouts.read_all({path: file.text.encode("utf-8", "surrogateescape") for path, file in files.items()})
    return [(migration, files[migration.path]) for migration in found]


def skip_what_is_newer(server: Server, case: labelled.Case) -> None:
    major = server.provider.major
    if case.config.get("postgres-version", 0) > major or any(is_newer(file.text, major) for file in case.files):
        pytest.skip(f"the case is of a later Postgres than {major}")


def text(migration: Migration, statement: Statement) -> bytes:
    return migration.data[statement.span.start : statement.span.end]


def is_one_transaction(migration: Migration, section: Section) -> bool:
    own = any(text(migration, statement).upper().startswith(b"BEGIN") for statement in section.statements)
    return migration.transactional and not own


def run(connection: Connection, migration: Migration, section: Section) -> None:
    whole = is_one_transaction(migration, section)
    with connection.transaction() if whole else contextlib.nullcontext():
        for statement in section.statements:
            connection.execute(text(migration, statement))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case_runs_and_rolls_back(postgres: Server, case: labelled.Case) -> None:
    skip_what_is_newer(postgres, case)
    with copy_of(postgres, case) as connection:
        done = []
        for migration, file in read(case):
            done.append((migration, {rule for _, rule in file.expected}, snapshot(connection)))
            run(connection, migration, migration.up)
        for migration, rules, before in reversed(done):
            if migration.down is None:
                break
            if "down-cannot-run" in rules:
                with pytest.raises(psycopg.Error):
                    run(connection, migration, migration.down)
                break
            run(connection, migration, migration.down)
            left = [str(entry) for entry in compare(before, snapshot(connection)) if entry.matters]
            if rules & {"incomplete-down", "down-drops-older"}:
                assert left, "DOWN is marked as incomplete, and brings everything back"
                break
            assert not left or (case.families and "rollback" not in case.families)


class Done(NamedTuple):
    """What a statement did to the old tables.

    `rewrites`: one has a new file. `scans`: one was read, or written anew, under a strong lock. `locks`: it took a
    strong lock. `waits`: it read one while a strong lock on any of them was held.
    """

    rewrites: bool
    scans: bool
    locks: bool
    waits: bool


@pytest.mark.slow
@pytest.mark.parametrize("case", MEASURED, ids=lambda case: case.name)
def test_labels_say_what_the_server_does(postgres: Server, case: labelled.Case) -> None:
    skip_what_is_newer(postgres, case)
    with copy_of(postgres, case) as connection:
        for migration, file in read(case):
            for statement, rules, done in measured(connection, migration, file):
                shown = f"{done}, {sorted(rules)}\n{text(migration, statement).decode()}"
                assert done.rewrites == bool(rules & NEW_FILES), shown
                if "work-under-exclusive-lock" in rules:
                    assert done.waits, shown
                else:
                    assert done.scans == bool(rules & SCANS), shown
                assert done.locks or not rules & LOCKS, shown


def measured(
    connection: Connection, migration: Migration, file: labelled.File
) -> Iterator[tuple[Statement, set[str], Done]]:
    """Run UP; yields each statement that may run in a transaction, with its labels and with what it did to old tables.

    The labels within a function count for the statement that calls it.
    """
    whole = is_one_transaction(migration, migration.up)
    body: set[str] = set()
    old: list[int] = []
    with connection.transaction() if whole else contextlib.nullcontext():
        for statement in migration.up.statements:
            if not (whole and old):  # what others have seen committed is old
                old = [oid for (oid,) in connection.execute(_OLD)]
            rules = labels(migration, statement, file)
            if statement.kind == "CreateFunctionStmt":
                body, rules = rules, set()
            elif statement.kind == "SelectStmt":
                rules |= body
            if not whole and not fits_into_transaction(text(migration, statement)):
                connection.execute(text(migration, statement))
                continue
            with contextlib.nullcontext() if whole else connection.transaction():
                yield statement, rules, observe(connection, text(migration, statement), old)


def labels(migration: Migration, statement: Statement, file: labelled.File) -> set[str]:
    first, last = (migration.position(place)[0] for place in (statement.span.start, statement.span.end))
    return {rule for line, rule in file.expected if first <= line <= last}


def fits_into_transaction(statement: bytes) -> bool:
    words = statement.upper()
    refused = (b"VACUUM", b"DROP DATABASE", b"BEGIN", b"COMMIT")
    return not words.startswith(refused) and b"CONCURRENTLY" not in words and b"COMMIT;" not in words


def observe(connection: Connection, statement: bytes, old: list[int]) -> Done:
    files, reads = ask(connection, _FILES, old), ask(connection, _READ, old)
    held = connection.execute(_HELD, (old,)).fetchall()
    connection.execute(statement)
    files_now, reads_now = ask(connection, _FILES, old), ask(connection, _READ, old)
    held_now = connection.execute(_HELD, (old,)).fetchall()
    strong = {oid for oid, mode in held_now if mode in _STRONG}
    read_now = {oid for oid, count in reads_now.items() if count > reads.get(oid, 0)}
    written = {oid for oid, number in files_now.items() if files[oid] != number}
    return Done(
        rewrites=bool(written),
        scans=bool(written or read_now & strong),
        locks=any(mode in _STRONG for _, mode in set(held_now) - set(held)),
        waits=bool(read_now and strong),
    )


def ask(connection: Connection, query: str, old: list[int]) -> dict[int, int]:
    return dict(connection.execute(query, (old,)).fetchall())


@pytest.mark.slow
@pytest.mark.parametrize("case", FAILING, ids=lambda case: case.name)
def test_labels_say_what_rows_make_fail(postgres: Server, case: labelled.Case) -> None:
    with copy_of(postgres, case, "rows") as connection:
        for migration, file in read(case):
            for statement in migration.up.statements:
                rules = labels(migration, statement, file) & FAILS.keys()
                if not rules:
                    connection.execute(text(migration, statement))
                    continue
                with pytest.raises(psycopg.Error) as failure:
                    connection.execute(text(migration, statement))
                assert failure.value.sqlstate in set[str]().union(*(FAILS[rule] for rule in rules))
                return
