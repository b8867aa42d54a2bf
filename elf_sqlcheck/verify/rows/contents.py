"""What tables hold, as counts and hashes that do not depend on the order of rows: compared around UP and DOWN."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.verify.ours import ask
from elf_sqlcheck.verify.rows.values import literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elf_sqlcheck.shared.database import SupabaseExecutor

#: Up to so many rows, each value's hash is kept, so that those that differ can be counted.
MOST_KEPT = 1_000

_COLUMNS = """
SELECT named.name, quote_ident(a.attname) AS column, a.attname AS bare, a.atttypid = 'json'::regtype AS json,
    a.atttypid >= 16384 AS own
FROM unnest(%s::text[]) AS named (name)
JOIN pg_attribute a ON a.attrelid = to_regclass(named.name) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY named.name, a.attnum
"""


@dataclass(frozen=True)
class Contents:
    """What a table holds: its number of `rows`, and per column the hashes of its values (or their sum); no NULLs."""

    rows: int
    hashes: dict[str, list[int]]
    sums: dict[str, int | None]
    values: dict[str, int]


@dataclass(frozen=True)
class Loss:
    """What a table lost: `column` "" for whole rows; `count` how many rows or values, None for nobody knows.

    `rows` is how many rows the table had.
    """

    table: str
    column: str
    count: int | None
    rows: int


def read(executor: SupabaseExecutor, tables: Iterable[str], *, kept: bool) -> dict[str, Contents]:
    """Read what the tables hold that are there, by name; `kept` keeps each value's hash. Raises DatabaseError."""
    columns: dict[str, list[dict[str, Any]]] = {}
    for row in ask(executor, _COLUMNS, (list(tables),)):
        columns.setdefault(row["name"], []).append(row)
    if not columns:
        return {}
    # The values themselves decide, not how a session shows them.
    rows = ask(executor, " UNION ALL ".join(_query(name, own, kept=kept) for name, own in columns.items()))
    return {row["name"]: Contents(row["rows"], row["hashes"], row["sums"], row["present"]) for row in rows}


def _query(name: str, columns: list[dict[str, Any]], *, kept: bool) -> str:
    hashes, sums, present = [], [], []
    for row in columns:
        shown = f"{row['column']}::jsonb::text" if row["json"] else f"{row['column']}::text"
        if row["own"]:
            # A cast to text may be a function of the migration's; this is how the server itself writes the value.
            shown = f"CASE WHEN num_nonnulls({row['column']}) = 1 THEN format('%s', {row['column']}) END"
        key, hashed = literal(row["bare"]), f'hashtextextended({shown} COLLATE "C", 0)'
        if kept:
            hashes += [key, f"coalesce(jsonb_agg({hashed}) FILTER (WHERE {row['column']} IS NOT NULL), '[]')"]
        else:
            sums += [key, f"sum({hashed})"]
        present += [key, f"count({row['column']})"]
    # Functions take a hundred arguments: https://www.postgresql.org/docs/current/runtime-config-preset.html
    made = [_objects(pairs) for pairs in (hashes, sums, present)]
    return (
        f"SELECT {literal(name)} AS name, count(*) AS rows, {made[0]} AS hashes, {made[1]} AS sums, "
        f"{made[2]} AS present FROM {name}"
    )


def _objects(pairs: list[str]) -> str:
    parts = [", ".join(pairs[start : start + 80]) for start in range(0, len(pairs), 80)]
    return " || ".join(f"jsonb_build_object({part})" for part in parts) or "'{}'::jsonb"


def losses(before: dict[str, Contents], after: dict[str, Contents]) -> list[Loss]:
    """What is not there any more; what has been added, or put where nothing was, is no loss.

    Tables and columns that are gone themselves are not looked at: the schema tells of those.
    """
    found: list[Loss] = []
    for table, was in before.items():
        now = after.get(table)
        if now is None or not was.rows:
            continue
        if now.rows < was.rows:
            found.append(Loss(table, "", was.rows - now.rows, was.rows))
        else:
            for column in was.values.keys() & now.values.keys():
                count = _lost(was, now, column)
                if count != 0:
                    found.append(Loss(table, column, count, was.rows))
    return sorted(found, key=lambda loss: (loss.table, loss.column))


def _lost(was: Contents, now: Contents, column: str) -> int | None:
    if column in was.hashes and column in now.hashes:
        return (Counter(was.hashes[column]) - Counter(now.hashes[column])).total()
    if now.values[column] < was.values[column]:
        return was.values[column] - now.values[column]
    # More values than before: whether the old ones are among them cannot be told from a sum.
    same = now.values[column] > was.values[column] or was.sums.get(column) == now.sums.get(column)
    return 0 if same else None
