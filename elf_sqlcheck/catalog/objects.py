"""The parts that schema objects are made of, in the words of Postgres.

They appear in changes (what a statement says) and in the schema (what is there). Where they stand in a file never
counts in comparisons; names are as the parser folds them: lower case unless quoted.
"""

from __future__ import annotations

from elf_sqlcheck.model import Span
from elf_sqlcheck.record import Record

NOWHERE = Span(0, 0)


class Name(Record):
    """The name of an object, with the schema that the text gives (None when it gives none)."""

    schema: str | None
    name: str

    def __str__(self) -> str:
        return f"{quoted(self.schema)}.{quoted(self.name)}" if self.schema else quoted(self.name)


def quoted(identifier: str) -> str:
    """The identifier as SQL writes it: quoted only when it has to be."""
    plain = identifier.isascii() and identifier.replace("_", "a").isalnum() and identifier == identifier.lower()
    if plain and not identifier[:1].isdigit():
        return identifier
    return '"' + identifier.replace('"', '""') + '"'


class Expression(Record):
    """A value expression in a normal form: same text means same expression, whatever its spacing and case.

    `functions` are the names of the functions that it calls, schema included where written (`now`, `auth.uid`;
    CURRENT_TIMESTAMP and its like appear in lower case); `columns` the columns that it reads; `constant` says that it
    is one literal or NULL; `not_null` are the columns of which it says, alone or in a row of ANDs, that they are not.
    `calls` are the calls, as name and position, that are made anew for each row though no column is among their
    arguments: those that stand in no `(SELECT …)` without FROM. `reads` are the relations of its subqueries, and the
    sequences of nextval.
    """

    text: str
    functions: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    constant: bool = False
    span: Span = NOWHERE
    not_null: tuple[str, ...] = ()
    calls: tuple[tuple[str, int], ...] = ()
    reads: tuple[Name, ...] = ()


class Type(Record):
    """A data type: `name` is Postgres' internal one (`int4`, `varchar`, `bpchar`, `timestamptz`), `modifiers` what
    stands in parentheses, `dimensions` the number of `[]`. `written` is the word of the text in lower case.

    Serial types keep their name (`serial`, `bigserial`, `smallserial`); `schema` is None for built-in types.
    """

    name: str
    schema: str | None = None
    modifiers: tuple[int | str, ...] = ()
    dimensions: int = 0
    span: Span = NOWHERE

    @property
    def is_serial(self) -> bool:
        """Whether it is one of the serial pseudo-types."""
        return self.schema is None and self.name in SERIAL

    @property
    def stored(self) -> Type:
        """What a column of this type really is: serial types are integers."""
        return self.replace(name=SERIAL[self.name]) if self.is_serial else self

    def __str__(self) -> str:
        name = self.name if self.schema else DISPLAY.get(self.name, quoted(self.name))
        if self.modifiers:
            values = ",".join(str(value) for value in self.modifiers)
            head, with_zone, tail = name.partition(" with")
            name = f"{head}({values}){with_zone}{tail}" if head in {"time", "timestamp"} else f"{name}({values})"
        return (f"{quoted(self.schema)}.{name}" if self.schema else name) + "[]" * self.dimensions


#: Types that are certainly Postgres' own when the text names no schema.
BUILT_IN = frozenset(
    ["bigserial", "bit", "bool", "box", "bpchar", "bytea", "char", "cidr", "circle", "date", "daterange", "float4",
     "float8", "inet", "int2", "int4", "int4range", "int8", "int8range", "interval", "json", "jsonb", "jsonpath",
     "line", "lseg", "macaddr", "money", "name", "numeric", "numrange", "oid", "path", "point", "polygon",
     "record", "regclass", "serial", "smallserial", "text", "time", "timestamp", "timestamptz", "timetz",
     "trigger", "tsquery", "tsrange", "tstzrange", "tsvector", "uuid", "varbit", "varchar", "void", "xml"]
)  # fmt: skip
SERIAL = {"serial": "int4", "bigserial": "int8", "smallserial": "int2"}
ALIASES = {"serial4": "serial", "serial8": "bigserial", "serial2": "smallserial"}
#: Internal names and what Postgres' format_type shows for them.
DISPLAY = {
    "bool": "boolean", "bpchar": "character", "bit": "bit", "varbit": "bit varying", "float4": "real",
    "float8": "double precision", "int2": "smallint", "int4": "integer", "int8": "bigint", "interval": "interval",
    "numeric": "numeric", "time": "time without time zone", "timetz": "time with time zone",
    "timestamp": "timestamp without time zone", "timestamptz": "timestamp with time zone",
    "varchar": "character varying", "char": '"char"',
}  # fmt: skip


class Constraint(Record):
    """A constraint of a table or a column.

    `kind` is "primary key", "unique", "check", "foreign key", "exclude" or "not null". `name` is None when the text
    gives none. `references` and `ref_columns` belong to foreign keys (no columns: the primary key); `on_delete` and
    `on_update` are "no action", "restrict", "cascade", "set null" or "set default". `using_index` names the index of
    ADD CONSTRAINT … USING INDEX. `inline` tells a column's constraint from a table's, `inherited` names
    the constraint of the table's parent that it comes from.
    """

    kind: str
    name: str | None = None
    columns: tuple[str, ...] = ()
    references: Name | None = None
    ref_columns: tuple[str, ...] = ()
    on_delete: str = "no action"
    on_update: str = "no action"
    expression: Expression | None = None
    not_valid: bool = False
    enforced: bool = True
    deferrable: bool = False
    initially_deferred: bool = False
    nulls_not_distinct: bool = False
    no_inherit: bool = False
    using_index: str | None = None
    include: tuple[str, ...] = ()
    inline: bool = False
    span: Span = NOWHERE
    inherited: str = ""


class Column(Record):
    """A column. `identity` is "", "always" or "by default"; `generated` the expression of a generated column, and
    `stored` says whether its values are stored (else virtual). `not_null` includes what a primary key implies.
    `span` covers the definition's first word (its name) up to the end of its type's name. `inherited` is one that the
    table has only from its parent.
    """

    name: str
    type: Type
    not_null: bool = False
    default: Expression | None = None
    identity: str = ""
    generated: Expression | None = None
    stored: bool = False
    collation: str | None = None
    span: Span = NOWHERE
    inherited: bool = False


class IndexColumn(Record):
    """One key of an index: a column's name or an expression, with order and operator class as written."""

    name: str | None
    expression: Expression | None = None
    descending: bool = False
    nulls: str = ""
    opclass: str = ""
    collation: str = ""


class Index(Record):
    """An index; `inherited` names the index of the partitioned table that it belongs to."""

    name: str
    table: Name
    columns: tuple[IndexColumn, ...]
    include: tuple[str, ...] = ()
    unique: bool = False
    nulls_not_distinct: bool = False
    method: str = "btree"
    where: Expression | None = None
    options: tuple[str, ...] = ()
    span: Span = NOWHERE
    inherited: str = ""


class Output(Record):
    """A column that a query selects: its name, and the relation and column that it comes from, or its type, where they
    can be told. The name "*" stands for all columns of `relation`.
    """

    name: str
    relation: Name | None = None
    column: str = ""
    type: Type | None = None


class Parameter(Record):
    """A parameter of a function: `mode` is "in", "out", "inout", "variadic" or "table"."""

    name: str
    type: Type
    mode: str = "in"
    default: bool = False


class Policy(Record):
    """A row security policy: `command` is "all", "select", "insert", "update" or "delete"; roles as written."""

    name: str
    command: str = "all"
    permissive: bool = True
    roles: tuple[str, ...] = ("public",)
    using: Expression | None = None
    check: Expression | None = None
    span: Span = NOWHERE


class Trigger(Record):
    """A trigger.

    `timing` is "before", "after" or "instead of"; `enabled` is "origin", "disabled", "replica" or "always".
    """

    name: str
    function: Name
    timing: str = "after"
    events: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    row: bool = False
    when: Expression | None = None
    arguments: tuple[str, ...] = ()
    constraint: bool = False
    enabled: str = "origin"
    span: Span = NOWHERE
