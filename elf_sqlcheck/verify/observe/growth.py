"""Whether a statement takes longer the more rows there are: it is timed on all of them, and on a tenth."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.postgres.pinned import pinned
from elf_sqlcheck.verify.observe.rehearsal import RUN_CODE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg import Connection

    from elf_sqlcheck.model import Statement
    from elf_sqlcheck.postgres.locks import Relation
    from elf_sqlcheck.verify.observe.rehearsal import Rehearsal
    from elf_sqlcheck.verify.result import Observed

SHARE = 10
#: Foreign keys and triggers sleep: rows may be missing that others point at.
ASLEEP = b";SET LOCAL session_replication_role = replica"
#: Ten times the rows ought to take ten times as long, but for what is spent on no row at all.
_FACTOR = 2
#: Milliseconds below which a difference is the machine's: for a statement that reads or writes all rows, and for
#: another one.
_NOISE = 1.0
_NOISE_OF_CODE = 10.0
_COLUMNS = """
SELECT c.oid::int8 AS oid, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.oid = ANY(%s) AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' GROUP BY 1
"""


def thinned(connection: Connection[dict[str, Any]], tables: Iterable[Relation], rows: int) -> bytes:
    """The commands that leave each table `rows` of its rows, for a transaction that is rolled back; b"" for no table.

    The rows are written again, for deleted ones would still be read. Foreign keys and triggers do not matter to them,
    which only a superuser may decide.
    """
    shown = {relation.oid: relation.shown for relation in tables}
    with pinned(connection):
        columns = {row["oid"]: row["columns"] for row in connection.execute(_COLUMNS, (list(shown),)).fetchall()}
    if not columns:
        return b""
    keep = [f"CREATE TEMP TABLE elf_few_{oid} AS TABLE {shown[oid]} LIMIT {rows}" for oid in columns]
    empty = f"TRUNCATE ONLY {', ONLY '.join(shown[oid] for oid in columns)} CASCADE"
    back = [
        f"INSERT INTO {shown[oid]} ({names}) OVERRIDING SYSTEM VALUE SELECT {names} FROM elf_few_{oid}"  # noqa: S608 - names are quoted
        for oid, names in columns.items()
    ]
    roles = [f"SET LOCAL session_replication_role = {role}" for role in ("replica", "origin")]
    return ";".join((roles[0], *keep, empty, *back, roles[1])).encode()


def told(observed: Observed, statement: Statement, few: Rehearsal, number: int) -> Observed:
    """The same observation with whether it grows; `few` is the rehearsal on a tenth, `number` counts its statements."""
    if number + 1 >= len(few.sights):
        return observed
    worked = bool(observed.rewritten or observed.scanned)
    if not worked and statement.kind not in RUN_CODE:
        return replace(observed, grows=False)  # whatever else it took time for, there were no rows in it
    ms = (few.sights[number + 1].begun - few.sights[number].ended) * 1000
    grows = observed.ms - ms >= (_NOISE if worked else _NOISE_OF_CODE) and observed.ms >= _FACTOR * ms
    # What reads all rows is sure to grow: where that cannot be seen, there were too few of them to tell.
    return replace(observed, grows=grows) if grows or not worked else observed
