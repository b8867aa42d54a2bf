"""The names that Postgres chooses for constraints and indexes that the text leaves unnamed."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    from elf_sqlcheck.catalog.objects import Constraint, IndexColumn

#: Bytes of an identifier; what is longer is cut.
#: https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS
LONGEST = 63
_LABELS = {"primary key": "pkey", "unique": "key", "foreign key": "fkey", "check": "check", "exclude": "excl",
           "not null": "not_null"}  # fmt: skip


def object_name(table: str, middle: str, label: str, taken: Container[str] = ()) -> str:
    """`table_middle_label`, shortened as Postgres' makeObjectName does and numbered until it is free."""
    number = 0
    while True:
        ending = f"{label}{number}" if number else label
        room = LONGEST - len(ending) - 1 - (1 if middle else 0)
        first, second = table.encode(), middle.encode()
        while len(first) + len(second) > room:
            if len(first) > len(second):
                first = first[:-1]
            else:
                second = second[:-1]
        parts = [first.decode("utf-8", "ignore")] + ([second.decode("utf-8", "ignore")] if middle else []) + [ending]
        name = "_".join(parts)
        if name not in taken:
            return name
        number += 1


def constraint_name(table: str, constraint: Constraint, taken: Container[str] = ()) -> str:
    """The name of an unnamed constraint of `table`."""
    columns = constraint.columns
    if constraint.kind == "primary key":
        middle = ""
    elif constraint.kind == "check":
        read = constraint.expression.columns if constraint.expression else ()
        middle = read[0] if len(set(read)) == 1 else ""
    else:
        middle = _joined(columns)
    return object_name(table, middle, _LABELS[constraint.kind], taken)


def index_name(table: str, columns: tuple[IndexColumn, ...], taken: Container[str] = ()) -> str:
    """The name of an unnamed index of `table`."""
    names: list[str] = []
    for column in columns:
        name = column.name or _called(column).rpartition(".")[2] or "expr"
        base, number = name, 1
        while name in names:
            name, number = f"{base}{number}", number + 1
        names.append(name)
    return object_name(table, _joined(tuple(names)), "idx", taken)


def _called(column: IndexColumn) -> str:
    """The function of a key that is one call, else ""."""
    expression = column.expression
    name = expression.functions[0] if expression and expression.functions else ""
    return name if expression and expression.text.startswith(f"{name}(") else ""


def _joined(columns: tuple[str, ...]) -> str:
    return "_".join(columns).encode()[:LONGEST].decode("utf-8", "ignore")
