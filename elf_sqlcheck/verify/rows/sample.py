"""Rows of the user's own: CSV files named after their table, and SQL files of INSERT statements."""

from __future__ import annotations

import csv
import glob
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elf_sqlcheck import sql
from elf_sqlcheck.catalog.mentions import relations
from elf_sqlcheck.catalog.objects import Name
from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.verify.result import Filled
from elf_sqlcheck.verify.rows.values import identifier, written

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elf_sqlcheck.shared.database import SupabaseExecutor
    from elf_sqlcheck.verify.rows.fill import Filling

#: Characters of a file that are sent at a time.
_BLOCK = 1 << 20
#: The tables asked for, and what their foreign keys point at.
_NEEDED = """
WITH RECURSIVE needed (oid) AS (
    SELECT unnest(%s::oid[])
  UNION
    SELECT confrelid FROM needed JOIN pg_constraint ON conrelid = needed.oid AND contype = 'f'
)
SELECT name, format('%%I.%%I', nspname, relname) AS shown FROM unnest(%s::text[]) AS name
JOIN needed ON needed.oid = to_regclass(name) JOIN pg_class c ON c.oid = needed.oid
JOIN pg_namespace n ON n.oid = c.relnamespace
"""
_COLUMNS = """
SELECT attname AS name FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""


@dataclass(frozen=True)
class _Rows:
    """Rows for `table` from the file at `path`: all of a CSV file, or the `statements` of a SQL file."""

    table: str
    path: str
    statements: tuple[bytes, ...] = ()


class Sample:
    """The rows that are to be loaded, each table's when it is about to be touched for the first time."""

    def __init__(self, path: str) -> None:
        """Read what there is at `path`, a file or a folder; raises UsageError when that is nothing of use."""
        self._waiting: list[_Rows] = []
        if not os.path.exists(path):
            raise UsageError(f"there is no sample {path}", "name a CSV file, a SQL file, or a folder of them")
        files = sorted(glob.glob(f"{glob.escape(path)}/*")) if os.path.isdir(path) else [path]
        for file in files:
            if file.lower().endswith(".csv"):
                parts = os.path.basename(file)[:-4].split(".")
                name = Name(parts[0], parts[1]) if len(parts) == 2 else Name(None, ".".join(parts))
                self._waiting.append(_Rows(written(name), file))
            elif file.lower().endswith(".sql"):
                self._waiting += _of_script(file)
        if not self._waiting:
            raise UsageError(
                f"there are no rows in the sample {path}",
                "a CSV file is named after its table (users.csv, sales.orders.csv), a SQL file holds INSERT statements",
            )

    def load(self, executor: SupabaseExecutor, filling: Filling, touched: Iterable[int]) -> list[Filled]:
        """Load the rows of the tables `touched`, and of those that they point at, which are not there yet."""
        names = list(dict.fromkeys(rows.table for rows in self._waiting))
        if not names:
            return []
        needed = {row["name"]: row["shown"] for row in executor.query(_NEEDED, (sorted(touched), names))}
        due = [rows for rows in self._waiting if rows.table in needed]
        self._waiting = [rows for rows in self._waiting if rows.table not in needed]
        found: list[Filled] = []
        if due:
            with filling.writing(executor, filling.ordinary):
                found = [_load(executor, rows, needed[rows.table]) for rows in due]
        return found


def _of_script(path: str) -> list[_Rows]:
    with open(path, "rb") as file:
        data = file.read()
    script = sql.parse(data)
    if script.broken:
        raise UsageError(f"the sample {path} cannot be read: {script.broken[0].message}", "correct it there")
    found: dict[str, list[bytes]] = {}
    for statement in script.statements:
        if statement.kind != "InsertStmt":
            line = data[: statement.span.start].count(b"\n") + 1
            raise UsageError(
                f"the sample {path} holds something else than INSERTs, in line {line}",
                "`pg_dump --data-only --inserts` makes such a file; take out what is no INSERT",
            )
        table = next(relations(statement.node))
        found.setdefault(written(table), []).append(data[statement.span.start : statement.span.end])
    return [_Rows(table, path, tuple(statements)) for table, statements in found.items()]


def _load(executor: SupabaseExecutor, rows: _Rows, table: str) -> Filled:
    """Load rows into `table` and say how many there were, or why they cannot be."""
    import psycopg

    connection = executor.connection
    connection.execute("SAVEPOINT elf_sample")
    try:
        if rows.statements:
            count = sum(connection.execute(statement).rowcount for statement in rows.statements)
        else:
            count = _copy(executor, rows)
    except (psycopg.Error, UnicodeError, csv.Error) as error:
        connection.execute("ROLLBACK TO elf_sample")
        said = error.diag.message_primary if isinstance(error, psycopg.Error) else str(error)
        return Filled(table, 0, f"the sample {rows.path} does not fit it: {said or error}")
    connection.execute("RELEASE elf_sample")
    return Filled(table, count)


def _copy(executor: SupabaseExecutor, rows: _Rows) -> int:
    """COPY the columns of a CSV file that the table has; the others come with a later migration, or went already."""
    there = {row["name"] for row in executor.query(_COLUMNS, (rows.table,))}
    with open(rows.path, newline="", encoding="utf-8-sig") as file, executor.connection.cursor() as cursor:
        reader = csv.reader(file)
        header = next(reader, [])
        places = [place for place, name in enumerate(header) if name in there]
        command = f"COPY {rows.table} ({', '.join(identifier(header[place]) for place in places)}) FROM STDIN"
        if len(places) == len(header):
            # Only Postgres itself tells an empty text ("") from none.
            with cursor.copy(f"{command} WITH (FORMAT csv)".encode()) as copy:
                while block := file.read(_BLOCK):
                    copy.write(block)
        else:
            with cursor.copy(command.encode()) as copy:
                for line in reader:
                    copy.write_row([line[place] or None for place in places])
        return cursor.rowcount
