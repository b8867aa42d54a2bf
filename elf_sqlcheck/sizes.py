"""How large the tables of production are, where somebody says so: `[table-sizes]` of the configuration, or `--stats`.

A file for `--stats` is what `elf-migrate status --stats` writes, a JSON object:

    {"version": 1, "measured_at": "2025-01-21T09:30:00Z", "tables": {
      "public.orders": {"rows": 12000000, "bytes": 3400000000, "writes_per_second": 12.5}}}
"""

from __future__ import annotations

from elf_sqlcheck.errors import UsageError, closest
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from elf_sqlcheck.catalog.objects import Name
    from elf_sqlcheck.catalog.schema import Schema

VERSION = 1
#: Tables of fewer rows are small when nothing else is configured: they are read and rewritten in some milliseconds.
SMALL = 10_000
#: What a scan is reckoned to read in a second. Servers with fast disks, or with the table in memory, do better by far.
BYTES_PER_SECOND = 100_000_000
#: What a row is reckoned to take where only the number of rows is known.
BYTES_PER_ROW = 200
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9}
_MOST = 10**15
_FIELDS = ("rows", "bytes", "writes_per_second")


class TableSize(Record):
    """How large a table is: its `rows` are an estimate, `bytes` do without its indexes.

    `bytes` and `writes_per_second` (inserts, updates and deletes on average) are None where not known.
    """

    rows: int
    bytes: int | None = None
    writes_per_second: float | None = None


class Measured:
    """The part of `Context` that knows the sizes of tables."""

    __slots__ = ()

    if TYPE_CHECKING:
        now: Schema
        settings: Mapping[str, Any]

    def size_of(self, name: Name) -> TableSize | None:
        """How large the table is in production; None when nobody says so, and for a table that is new there."""
        sizes = self.settings.get("table-sizes")
        if not sizes or not self.now.is_older(name):
            return None
        found = sizes.get(str(self.now.resolve(name)))
        return TableSize(found) if isinstance(found, int) else found

    def is_small(self, name: Name) -> bool:
        """Whether the table is known to have fewer rows than `small-table-rows`: to lock it is no matter."""
        size = self.size_of(name)
        return size is not None and size.rows < self.settings.get("small-table-rows", SMALL)

    def scan_time(self, name: Name) -> str:
        """How long it takes about to read the table once, as "about 40 s"; "" when its size is not known.

        That is an estimate, of 100 MB a second, and of 200 bytes a row where only the number of rows is known.
        """
        size = self.size_of(name)
        if size is None:
            return ""
        return duration(seconds_to_read(size))


def seconds_to_read(size: TableSize) -> float:
    """How long it takes about to read a table once."""
    return (size.rows * BYTES_PER_ROW if size.bytes is None else size.bytes) / BYTES_PER_SECOND


def duration(seconds: float) -> str:
    """A time that was reckoned, no more exact than it deserves: "under 1 s", "about 40 s", "about 3 min"."""
    if seconds < 1:
        return "under 1 s"
    for unit, length, limit in (("s", 1, 90), ("min", 60, 5400)):
        if seconds < limit:
            return f"about {_rounded(seconds / length)} {unit}"
    return f"about {_rounded(seconds / 3600)} h"


def _rounded(number: float) -> int:
    """One figure up to ten, then fives: what is estimated has no more."""
    return round(number) if number < 10 else round(number / 5) * 5


def read_size(value: object) -> TableSize | None:
    """A size as somebody writes it: rows as a number or as "12M", or a table of `rows`, `bytes` and so on.

    None when it is something else.
    """
    if not isinstance(value, dict):
        rows = _count(value)
        return None if rows is None else TableSize(rows)
    fields = {str(key).replace("-", "_"): entry for key, entry in value.items()}
    if "rows" not in fields or not fields.keys() <= set(_FIELDS):
        return None
    rows, size = _count(fields["rows"]), _count(fields.get("bytes", 0))
    writes = fields.get("writes_per_second")
    if rows is None or size is None or not (writes is None or _is_rate(writes)):
        return None
    return TableSize(rows, size if "bytes" in fields else None, None if writes is None else float(writes))


def _count(value: object) -> int | None:
    """A number that is not negative: 12000000, "12M", "1.5k"; None for anything else."""
    if isinstance(value, str):
        digits = value.strip().lower().replace("_", "")
        unit = digits[-1:] if digits[-1:] in {"k", "m", "g", "b"} else ""
        whole, dot, part = digits.removesuffix(unit).strip().partition(".")
        if not (whole + part).isascii() or not whole.isdecimal() or (dot and not part.isdecimal()):
            return None
        value = round(float(f"{whole[:20]}.{part or 0}") * _UNITS[unit])
    return value if type(value) is int and 0 <= value <= _MOST else None


def _is_rate(value: object) -> bool:
    return type(value) in {int, float} and 0 <= float(str(value)) < float("inf")


def table_name(text: str) -> str:
    """The name of a table as reports write it, with its schema: `orders` → `public.orders`; "" when it is none.

    As in SQL, what is not quoted is folded to lower case.
    """
    import re

    match = re.fullmatch(r'(?:("(?:[^"]|"")+"|[^\W\d][\w$]*)\.)?("(?:[^"]|"")+"|[^\W\d][\w$]*)', text.strip())
    if match is None:
        return ""
    from elf_sqlcheck.catalog.objects import Name

    schema, name = (_folded(part) if part else "public" for part in match.groups())
    return str(Name(schema, name))


def _folded(word: str) -> str:
    return word[1:-1].replace('""', '"') if word.startswith('"') else word.lower()


def load(path: str) -> dict[str, TableSize]:
    """The sizes in a file that `elf-migrate status --stats` wrote, by the names of the tables.

    Raises:
        UsageError: The file cannot be read, or is something else.
    """
    import json

    remedy = "write it with `elf-migrate status --stats --output-file FILE`"
    try:
        with open(path, "rb") as file:
            whole = json.loads(file.read().decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"cannot read the table sizes in {path}: {error.strerror}", remedy) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} holds no table sizes: it is no valid JSON ({error})", remedy) from error
    tables = whole.get("tables") if isinstance(whole, dict) else None
    if not isinstance(tables, dict):
        raise UsageError(f'{path} holds no table sizes: there is no object "tables" in it', remedy)
    if whole.get("version") != VERSION:
        raise UsageError(
            f"{path} has the version {whole.get('version')!r}, and this is elf-sqlcheck for version {VERSION}", remedy
        )
    return named(path, tables, remedy)


def named(where: str, tables: Mapping[str, object], remedy: str) -> dict[str, TableSize]:
    """The sizes of `tables`, by names as reports write them; raises UsageError naming the entry that is no good."""
    found: dict[str, TableSize] = {}
    for text, value in tables.items():
        name = table_name(text)
        if not name:
            raise UsageError(f"{where}: {text!r} is no name of a table", 'write "schema.table"')
        size = read_size(value)
        if size is None:
            keys = [key.replace("-", "_") for key in value] if isinstance(value, dict) else []
            meant = next((close for key in keys if key not in _FIELDS and (close := closest(key, _FIELDS))), "")
            advice = f"did you mean {meant!r}?" if meant else remedy
            raise UsageError(f"{where}: the size of {text} is no number of rows", advice)
        if name in found:
            raise UsageError(f"{where}: {name} is there twice", "leave one out")
        found[name] = size
    return found
