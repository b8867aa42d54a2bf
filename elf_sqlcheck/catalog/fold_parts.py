"""What all of the fold needs: where objects are kept, what they refer to, which names are taken."""

from __future__ import annotations

from elf_sqlcheck.catalog.entries import Absent, Domain, Fact, OtherType, Routine, Sequence, Statistics, Table, View
from elf_sqlcheck.catalog.naming import Names
from elf_sqlcheck.catalog.objects import BUILT_IN, Name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.catalog.entries import Key, Object
    from elf_sqlcheck.catalog.fold import Catalog
    from elf_sqlcheck.catalog.objects import Constraint, Expression, Type


RELATIONS = frozenset({"table", "view", "materialized view", "sequence", "foreign table"})


def key_of(name: Name) -> Key:
    """The key of a relation whose name has its schema."""
    return ("relation", name.schema or "", name.name)


def type_key(name: Name) -> Key:
    """The key of a type whose name has its schema."""
    return ("type", name.schema or "", name.name)


def new_name(catalog: Catalog, name: Name) -> Name:
    """Where a new object goes: the first schema of the search path."""
    if name.schema == "pg_temp":
        catalog.put(("setting", "session"), Fact())
    return name if name.schema else Name(catalog.now.search_path[0], name.name)


def table_at(catalog: Catalog, name: Name) -> Table | None:
    """The table to be altered: an assumed one when nothing is known of it, None when it is no table or is gone."""
    full = catalog.now.resolve(name)
    found = catalog.objects.get(key_of(full))
    if found is None:
        return Table(full, {}, {}, {}, {}, {}, known=False, complete=False)
    return found if isinstance(found, Table) else None


def save(catalog: Catalog, owner: Table | View) -> None:
    """Write a table (or view) back."""
    catalog.put(key_of(owner.name), owner)


def heirs(catalog: Catalog, name: Name) -> list[Table]:
    """The partitions of a table and the tables that inherit from it."""
    keys = catalog.heirs.get((name.schema or "", name.name))
    if not keys:
        return []
    found = [catalog.objects.get(key) for key in sorted(keys)]
    return [table for table in found if isinstance(table, Table) and name in parents(table)]


def parents(table: Table) -> tuple[Name, ...]:
    """What a table inherits from."""
    return (*table.inherits, table.partition_of) if table.partition_of else table.inherits


def descends(catalog: Catalog, name: Name, ancestor: Name) -> bool:
    """Whether a table is `ancestor` or inherits from it, however far. The server refuses to close such a circle."""
    waiting = [name]
    while waiting:
        name = waiting.pop()
        if name == ancestor:
            return True
        found = catalog.objects.get(key_of(name))
        if isinstance(found, Table):
            waiting.extend(parents(found))
    return False


def settled(catalog: Catalog, kind: Type, key: Key) -> Type:
    """The type of a part of the object under `key`, with its schema unless that is `public` or not known."""
    if kind.schema is None and kind.name in BUILT_IN:
        return kind
    name = Name(kind.schema, kind.name)
    full = catalog.now.resolve(name, "type" if catalog.now.knows("type", name) else "relation")
    catalog.refer(key, (full,))
    if kind.schema or full.schema == "public" or not catalog.now.knows("type", full):
        return kind
    return kind.replace(schema=full.schema)


def refer_in(catalog: Catalog, key: Key, expression: Expression | None) -> None:
    """Note what an expression of the object under `key` reads and calls."""
    if expression is None:
        return
    if expression.reads:
        catalog.refer(key, [catalog.now.resolve(name) for name in expression.reads])
    if expression.functions:
        refer_functions(catalog, key, expression.functions)


def refer_to_all(catalog: Catalog, key: Key, value: Object) -> None:
    """Note everything that an object refers to: it has got another key."""
    if isinstance(value, Table):
        for parent in parents(value):
            catalog.heirs.setdefault((parent.schema or "", parent.name), set()).add(key)
        catalog.refer(key, parents(value))
        for constraint in value.constraints.values():
            if constraint:
                refer_constraint(catalog, key, constraint)
        for kind, expression in _in_columns(value):
            settled(catalog, kind, key)
            refer_in(catalog, key, expression)
        for policy in value.policies.values():
            if policy:
                refer_in(catalog, key, policy.using)
                refer_in(catalog, key, policy.check)
    elif isinstance(value, View):
        catalog.refer(key, value.reads)
        refer_functions(catalog, key, value.functions)
    elif isinstance(value, Sequence) and value.owned_by:
        catalog.refer(key, value.owned_by[:1])
    elif isinstance(value, Domain):
        settled(catalog, value.type, key)
        for constraint in value.constraints:
            refer_constraint(catalog, key, constraint)
    elif isinstance(value, OtherType):
        for column in value.attributes:
            settled(catalog, column.type, key)
    elif isinstance(value, Routine):
        for parameter in value.parameters:
            settled(catalog, parameter.type, key)
    if isinstance(value, Table | View):
        for trigger in value.triggers.values():
            if trigger:
                catalog.refer(key, (catalog.now.resolve_function(trigger.function),))
        for index in value.indexes.values():
            for item in index.columns:
                refer_in(catalog, key, item.expression)
            refer_in(catalog, key, index.where)
    refer_columns(catalog, key, value)


def refer_columns(catalog: Catalog, key: Key, value: Object) -> None:
    """Note the columns that an object refers to."""
    if isinstance(value, View):
        for name, column in value.uses:
            catalog.refer_columns(key, name, (column,))
    elif isinstance(value, Sequence) and value.owned_by:
        catalog.refer_columns(key, value.owned_by[0], value.owned_by[1:])
    elif isinstance(value, Statistics):
        catalog.refer_columns(key, value.table, value.columns)
    elif isinstance(value, Table):
        for constraint in value.constraints.values():
            if constraint and constraint.references:
                catalog.refer_columns(key, constraint.references, constraint.ref_columns or ("",))


def _in_columns(table: Table) -> Iterator[tuple[Type, Expression | None]]:
    for column in table.columns.values():
        if column:
            yield column.type, column.default or column.generated


def refer_constraint(catalog: Catalog, key: Key, constraint: Constraint) -> None:
    """Note the name of a constraint and what it refers to."""
    catalog.named.setdefault((key[1], constraint.name or ""), set()).add(key)
    if constraint.references:
        catalog.refer(key, (constraint.references,))
        catalog.refer_columns(key, constraint.references, constraint.ref_columns or ("",))
    if constraint.expression:
        refer_in(catalog, key, constraint.expression)


def refer_functions(catalog: Catalog, key: Key, functions: tuple[str, ...]) -> None:
    """Note the calls of the object under `key` to functions that migrations made."""
    path = catalog.now.search_path
    for function in functions:
        schema, _, name = function.rpartition(".")
        for place in (schema,) if schema else path:
            full = Name(place, name)
            if (place, name) in catalog.about and catalog.has_overload(full):
                catalog.refer(key, (full,))
                break


class Taken(Names):
    """The names of a schema that are in use: those of relations, and with `constraints` those of constraints."""

    __slots__ = ("catalog", "constraints", "owner", "relations", "schema")

    def __init__(
        self, catalog: Catalog, owner: Table | View | Domain, *, relations: bool = True, constraints: bool = False
    ) -> None:
        self.catalog = catalog
        self.owner = owner
        self.schema = owner.name.schema or ""
        self.relations = relations
        self.constraints = constraints

    def __contains__(self, name: object) -> bool:
        text = str(name)
        objects = self.catalog.objects
        if self.relations and not isinstance(objects.get(("relation", self.schema, text)), Absent | None):
            return True
        if not self.constraints:
            return False
        if _has_constraint(self.owner, text):
            return True
        keys = self.catalog.named.get((self.schema, text))
        if not keys:
            return False
        return any(_has_constraint(objects.get(key), text) for key in keys)

    def counted(self) -> dict[str, int]:
        """See `Names`."""
        owner = type(self.owner).__name__, self.schema, self.owner.name.name
        return self.catalog.counted.setdefault((*owner, self.relations, self.constraints), {})


def _has_constraint(value: Object | None, name: str) -> bool:
    if isinstance(value, Domain):
        return any(constraint.name == name for constraint in value.constraints)
    return isinstance(value, Table) and bool(value.constraints.get(name))


def forget(catalog: Catalog, schema: str | None, name: str, *, routine: bool = False) -> None:
    """Forget what was said about an object that is gone."""
    for key in catalog.said_about(schema, name, routine=routine):
        catalog.put(key, None)
