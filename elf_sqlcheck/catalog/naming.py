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


class Names:
    """Names in use, and how far they are counted: of many unnamed indexes, each would else try all before it."""

    __slots__ = ()

    def __contains__(self, name: object) -> bool:
        raise NotImplementedError

    def counted(self) -> dict[str, int]:
        """By a name without number, the first number that may be free."""
        raise NotImplementedError


def object_name(table: str, middle: str, label: str, taken: Container[str] = ()) -> str:
    """`table_middle_label`, shortened as Postgres' makeObjectName does and numbered until it is free."""
    name = _shortened(table, middle, label)
    if name not in taken:
        return name
    counted = taken.counted() if isinstance(taken, Names) else {}
    number = counted.get(name, 1)
    while (further := _shortened(table, middle, f"{label}{number}")) in taken:
        number += 1
    counted[name] = number
    return further


def _shortened(table: str, middle: str, ending: str) -> str:
    room = LONGEST - len(ending) - 1 - (1 if middle else 0)
    if len(table) + len(middle) > room or not (table.isascii() and middle.isascii()):
        first, second = table.encode(), middle.encode()
        while len(first) + len(second) > room:
            if len(first) > len(second):
                first = first[:-1]
            else:
                second = second[:-1]
        table, middle = first.decode("utf-8", "ignore"), second.decode("utf-8", "ignore")
    return f"{table}_{middle}_{ending}" if middle else f"{table}_{ending}"


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
