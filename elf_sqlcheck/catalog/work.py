"""What a change of a table makes Postgres do with the rows that are there: read them, write them anew, or nothing.

https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES
"""

from __future__ import annotations

from elf_sqlcheck.catalog import types
from elf_sqlcheck.catalog.objects import Name, quoted
from elf_sqlcheck.catalog.schema import Domain, Routine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.catalog.changes import AddColumn, AlterColumnType
    from elf_sqlcheck.catalog.objects import Column, Constraint, Expression
    from elf_sqlcheck.catalog.schema import Schema, Table

#: Built-in functions, and those of the usual extensions, that give another value in each row.
VOLATILE = frozenset(
    {
        "clock_timestamp", "currval", "gen_random_bytes", "gen_random_uuid", "gen_salt", "lastval", "nextval", "random",
        "random_normal", "setval", "timeofday", "uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v4", "uuidv4",
        "uuidv7",
    }
)  # fmt: skip


def is_volatile(expression: Expression | None, schema: Schema) -> bool:
    """Whether a default is known to be computed for each row: then adding a column with it rewrites the table."""
    if expression is None or expression.constant:
        return False
    for called in expression.functions:
        name = called.rpartition(".")[2]
        if name in VOLATILE:
            return True
        if any(isinstance(found, Routine) and _is_volatile_routine(found) for found in schema.routines(name)):
            return True
    return False


def _is_volatile_routine(routine: Routine) -> bool:
    """A function in SQL is mostly put in the place of its call, so what it calls decides."""
    if routine.volatility != "volatile":
        return False
    return routine.language != "sql" or any(f"{name}(" in routine.body for name in VOLATILE)


def rewriting(column: Column, schema: Schema) -> str:
    """Why adding the column writes each row anew, in words; "" when it does not.

    https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES
    """
    if column.type.is_serial:
        return f"{column.type.name} numbers the rows that are there"
    if column.identity:
        return "an identity column numbers the rows that are there"
    if column.generated is not None:
        return "a stored generated column is computed for each row" if column.stored else ""
    default = _default(column, schema)
    if default is not None and is_volatile(default, schema):
        return f"{default.text} gives each row another value"
    domain = _domain(column, schema)
    if domain and (domain.constraints or domain.not_null):
        return f"the domain {column.type} has a constraint to be checked"
    return ""


def _domain(column: Column, schema: Schema) -> Domain | None:
    """The domain that is the column's type, where that is known."""
    if types.is_built_in(column.type) or column.type.dimensions:
        return None
    full = schema.resolve(Name(column.type.schema, column.type.name), "type")
    found = schema.get(("type", full.schema or "", full.name))
    return found if isinstance(found, Domain) else None


def _default(column: Column, schema: Schema) -> Expression | None:
    """What the rows that are there get in a new column, None for NULL: its own default, or else its domain's."""
    domain = None if column.default else _domain(column, schema)
    default = domain.default if domain else column.default
    return None if default and default.constant and default.text.upper().startswith("NULL") else default


def _checks(table: Table | None) -> Iterator[Constraint]:
    """The CHECK constraints that hold for all rows."""
    for constraint in table.constraints.values() if table else ():
        if constraint and constraint.kind == "check" and not constraint.not_valid and constraint.enforced:
            yield constraint


def proves_not_null(table: Table | None, column: str) -> bool:
    """Whether a validated CHECK says that the column is not null, so that Postgres need not look."""
    return any(check.expression and column in check.expression.not_null for check in _checks(table))


def has_check(table: Table | None) -> bool:
    """Whether a table has a validated CHECK, which may prove that its rows belong into a partition."""
    return any(True for _ in _checks(table))


def is_not_null(table: Table | None, column: str) -> bool:
    """Whether the column is known to have no NULL: it is NOT NULL, or a validated CHECK proves it."""
    found = table.column(column) if table else None
    if table is None or found is None or not found.not_null:
        return proves_not_null(table, column)
    late = (c.columns for c in table.constraints.values() if c and c.kind == "not null" and c.not_valid)
    return not any(column in columns for columns in late) or proves_not_null(table, column)


def nullable_keys(name: Name, constraint: Constraint, schema: Schema) -> list[str]:
    """The columns that a primary key made of an index turns to NOT NULL, which takes a scan; those that are known."""
    table = schema.table(name)
    index = table.indexes.get(constraint.using_index or "") if table else None
    if table is None or index is None or constraint.kind != "primary key":
        return []
    names = [key.name for key in index.columns if key.name]
    return [name for name in names if table.column(name) and not is_not_null(table, name)]


def of_new_column(change: AddColumn, schema: Schema) -> str:
    """What adding a column does to the rows: "rewrite", "build", "scan" or ""."""
    column, kinds = change.column, {constraint.kind for constraint in change.constraints}
    if rewriting(column, schema):
        return "rewrite"
    if kinds & {"unique", "primary key", "exclude"}:
        return "build"
    if "foreign key" in kinds and (column.default is not None or _default(column, schema) is not None):
        return "scan"  # Postgres looks for the word DEFAULT only, be it DEFAULT NULL
    return "scan" if "check" in kinds or column.not_null > (_default(column, schema) is not None) else ""


def of_new_type(change: AlterColumnType, schema: Schema) -> str:
    """What changing a column's type does to the rows, as `of_new_column`; "" too where the old type is not known."""
    table = schema.table(change.table)
    column = table.column(change.column) if table else None
    if has_own_using(change):
        return "rewrite"
    if table is None or column is None:
        return ""
    return "rewrite" if types.rewrites(column.type, change.type, schema) else redone(table, change)[0]


def has_own_using(change: AlterColumnType) -> bool:
    """Whether USING says more than the cast that happens without it."""
    if change.using is None:
        return False
    name = quoted(change.column)
    return change.using.text not in {name, f"{name}::{change.type}"}


def redone(table: Table, change: AlterColumnType) -> tuple[str, str]:
    """What a change of type does again though it leaves the rows alone, and for the sake of what: ("build", index) or
    ("scan", check); ("", "") for nothing. Postgres takes expressions and conditions for different without a look.
    """
    name, column = change.column, table.column(change.column)
    ordered_alike = column is None or types.is_ordered_alike(column.type, change.type)
    for index in table.indexes.values():
        expressions = [e for e in (index.where, *(key.expression for key in index.columns)) if e]
        keys = {key.name for key in index.columns}
        if (name in keys and (expressions or not ordered_alike)) or any(name in e.columns for e in expressions):
            return "build", index.name
    for check in _checks(table):
        if check.expression and name in check.expression.columns:
            return "scan", check.name or ""
    return "", ""
