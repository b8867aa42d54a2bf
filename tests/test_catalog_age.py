"""What is older than the migration, what has rows, and which transaction a statement runs in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.layouts import read
from elf_sqlcheck.lint import lint
from elf_sqlcheck.model import Severity
from elf_sqlcheck.rule import CreateIndex, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.model import Finding
    from elf_sqlcheck.rule import Context


def _asked(sql: str, *, before: str = "", transactional: bool = True) -> list[str]:
    """What each CREATE INDEX of `sql` is told of its table: older/new, rows, transaction."""

    def check(context: Context[CreateIndex]) -> Iterator[Finding]:
        table = context.change.table
        age = "older" if context.is_older(table) else "new"
        yield context.finding(f"{age} {context.now.rows(table)} {context.transaction()}")

    rule = Rule("asked", "tests", Severity.ERROR, "", "", "", (CreateIndex,), check)
    head = "" if transactional else "-- Transaction: none\n"
    files = [
        read("20250101_000000_before.sql", before.encode()),
        read("20250102_000000_now.sql", (head + sql).encode()),
    ]
    return [finding.message for finding in lint(files, (rule,), judged={files[1].path}).findings]


def test_a_table_of_an_earlier_migration_is_older_and_full() -> None:
    assert _asked("CREATE INDEX i ON t (a);", before="CREATE TABLE t (a int);") == ["older many 0"]


def test_a_table_that_no_migration_made_is_assumed_to_be_older() -> None:
    assert _asked("CREATE INDEX i ON public.t (a);") == ["older many 0"]


def test_a_table_of_the_same_migration_is_new_until_rows_go_in() -> None:
    made = "CREATE TABLE t (a int);"
    assert _asked(f"{made} CREATE INDEX i ON t (a);") == ["new none 0"]
    assert _asked(f"{made} INSERT INTO t VALUES (1); CREATE INDEX i ON public.t (a);") == ["new few 0"]
    assert _asked(f"{made} INSERT INTO t SELECT a FROM s; CREATE INDEX i ON t (a);") == ["new many 0"]
    assert _asked(f"{made} INSERT INTO t SELECT a FROM s; TRUNCATE t; CREATE INDEX i ON t (a);") == ["new none 0"]
    assert _asked("CREATE TABLE t AS SELECT 1 AS a; CREATE INDEX i ON t (a);") == ["new many 0"]
    assert _asked("CREATE TABLE t AS SELECT 1 AS a WITH NO DATA; CREATE INDEX i ON t (a);") == ["new none 0"]


def test_a_materialized_view_has_an_age_too() -> None:
    made = "CREATE MATERIALIZED VIEW t AS SELECT 1 AS a;"
    assert _asked(f"{made} CREATE INDEX i ON t (a);") == ["new none 0"]
    assert _asked("CREATE INDEX i ON t (a);", before=made) == ["older many 0"]


def test_a_renamed_table_keeps_its_age() -> None:
    sql = "ALTER TABLE t RENAME TO u; CREATE TABLE t (a int); CREATE INDEX i ON t (a); CREATE INDEX j ON u (a);"
    assert _asked(sql, before="CREATE TABLE t (a int);") == ["new none 0", "older many 0"]


def test_if_not_exists_keeps_the_older_table() -> None:
    sql = "CREATE TABLE IF NOT EXISTS t (a int); CREATE INDEX i ON t (a);"
    assert _asked(sql, before="CREATE TABLE t (a int);") == ["older many 0"]


def test_transactions_are_numbered_as_the_executor_cuts_them() -> None:
    one = "CREATE INDEX i ON t (a);"
    assert _asked(one * 2) == ["older many 0"] * 2
    assert _asked(one * 2, transactional=False) == ["older many None"] * 2
    pieces = f"{one} BEGIN; {one} {one} COMMIT; {one}"
    assert _asked(pieces) == ["older many 0", "older many 1", "older many 1", "older many 2"]
    assert _asked(pieces, transactional=False) == [f"older many {n}" for n in (None, 1, 1, None)]
