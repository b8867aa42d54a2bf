"""What depends on an object: what DROP refuses for, and DROP … CASCADE takes along.

As in pg_depend, but from what the migrations say: of bodies of functions and of DO blocks nothing is known here.
https://www.postgresql.org/docs/current/ddl-depend.html
"""

from __future__ import annotations

from elf_sqlcheck.catalog.entries import Absent, Domain, Enum, OtherType, Routine, Sequence, Table, View
from elf_sqlcheck.catalog.objects import Name, quoted
from elf_sqlcheck.catalog.parts import alike
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.catalog.entries import Key, Object
    from elf_sqlcheck.catalog.objects import Column, Constraint, Expression, Index, Policy, Trigger, Type
    from elf_sqlcheck.catalog.schema import Schema

_KINDS = {Enum: "type", OtherType: "type", Domain: "domain", Sequence: "sequence"}


class Dependant(Record):
    """An object that needs another: `kind` and `name` in the words of Drop; `part` is the column, default, constraint,
    index, trigger or policy of the table `name`, the types of a function. `key` is where the catalog has it.
    """

    kind: str
    name: Name
    part: str
    key: Key

    def __str__(self) -> str:
        name = quoted(self.name.name) if self.name.schema == "public" else str(self.name)
        if self.kind in {"function", "procedure"}:
            return f"{self.kind} {name}({self.part})"
        if self.kind in {"column", "default"}:
            of = "the default of " if self.kind == "default" else "column "
            return f"{of}{name}.{quoted(self.part)}"
        return f"{self.kind} {quoted(self.part)} on {name}" if self.part else f"{self.kind} {name}"


def dependants(schema: Schema, kind: str, name: Name, part: str | None = None) -> list[Dependant]:
    """What needs an object of `kind` (as in Drop; "column" and "constraint" with `part`) called `name`, in some order.

    Of a function `part` are the types of its parameters, as in its key, where there are several of the name.

    What goes with it anyway is left out: its own indexes, constraints, triggers, policies, sequences and partitions.
    """
    if kind == "schema":
        return list(_within(schema, name.name))
    if kind == "column" and part is not None:
        return list(_of_column(schema, schema.resolve(name), part))
    if kind == "constraint" and part is not None:
        return list(_of_constraint(schema, schema.resolve(name), part))
    if kind in {"function", "procedure", "routine", "aggregate"}:
        return list(_of_function(schema, schema.resolve_function(name), part))
    full = schema.resolve(name, "type" if kind in {"type", "domain"} else "relation")
    found = list(_of_name(schema, full))
    seen, waiting = {full}, [full]
    while waiting:  # not by recursion: files that were never run may make a table a partition of its own partition
        parent = waiting.pop()
        for heir in schema.heirs(parent):
            if heir.partition_of == parent and heir.name not in seen:
                seen.add(heir.name)
                waiting.append(heir.name)
                found += [one for one in _of_name(schema, heir.name) if one.name not in seen and one not in found]
    return found


def _users(schema: Schema, name: Name) -> Iterator[tuple[Key, Object]]:
    for key in sorted(schema.referring_keys(name)):
        found = schema.get(key)
        if found is not None:
            yield key, found


def _of_name(schema: Schema, name: Name) -> Iterator[Dependant]:
    """What needs a relation or a type: both share their names."""
    for key, user in _users(schema, name):
        if isinstance(user, Table):
            yield from _in_table(schema, key, user, name)
        elif isinstance(user, View):
            if name in user.reads and user.name != name:
                yield _view(key, user)
        elif isinstance(user, Domain):
            if _is(schema, user.type, name):
                yield Dependant("domain", user.name, "", key)
        elif isinstance(user, OtherType):
            for column in user.attributes:
                if _is(schema, column.type, name):
                    yield Dependant("column", user.name, column.name, key)
        elif isinstance(user, Routine):
            kinds = [p.type for p in user.parameters] + ([user.returns] if user.returns else [])
            if any(_is(schema, kind, name) for kind in kinds):
                yield Dependant("procedure" if user.procedure else "function", user.name, key[3], key)


def _view(key: Key, view: View) -> Dependant:
    return Dependant("materialized view" if view.materialized else "view", view.name, "", key)


def _is(schema: Schema, kind: Type, name: Name) -> bool:
    return (
        kind.name == name.name and (kind.schema or schema.resolve(Name(None, kind.name), "type").schema) == name.schema
    )


def _reads(schema: Schema, expression: Expression | None, name: Name) -> bool:
    return expression is not None and any(schema.resolve(read) == name for read in expression.reads)


def _in_table(schema: Schema, key: Key, table: Table, name: Name) -> Iterator[Dependant]:
    """The parts of a table that need a relation or a type."""
    if name in table.inherits:
        yield Dependant("table", table.name, "", key)
    if table.of_type == name:
        yield Dependant("table", table.name, "", key)
    for column in table.columns.values():
        if column is None:
            continue
        if _is(schema, column.type, name) and not table.of_type and not column.inherited:
            yield Dependant("column", table.name, column.name, key)
        elif _reads(schema, column.default, name):
            yield Dependant("default", table.name, column.name, key)
    found = schema.get(("relation", name.schema or "", name.name))
    if isinstance(found, Sequence) and found.internal and found.owned_by and found.owned_by[0] == table.name:
        column = table.column(found.owned_by[1])
        if column and column.identity:
            yield Dependant("column", table.name, column.name, key)
        elif column and column.type.is_serial:
            yield Dependant("default", table.name, column.name, key)
    if table.name == name:
        return
    for constraint in table.constraints.values():
        if constraint and not constraint.inherited and constraint.references == name:
            yield Dependant("constraint", table.name, constraint.name or "", key)
    for policy in table.policies.values():
        if policy and (_reads(schema, policy.using, name) or _reads(schema, policy.check, name)):
            yield Dependant("policy", table.name, policy.name, key)


def _of_column(schema: Schema, table: Name, column: str) -> Iterator[Dependant]:
    own = schema.table(table)
    if own:
        key: Key = ("relation", table.schema or "", table.name)
        for other in alike(own.columns, _generating, column):
            if other and other.name != column:
                yield Dependant("column", table, other.name, key)
        for policy in alike(own.policies, _judged, column):
            if policy:
                yield Dependant("policy", table, policy.name, key)
        for trigger in alike(own.triggers, _watched, column):
            if trigger:
                yield Dependant("trigger", table, trigger.name, key)
        for constraint in alike(own.constraints, _unique, column):
            for one in _of_constraint(schema, table, (constraint and constraint.name) or ""):
                if one.name != table or column not in _columns(own, one.part):
                    yield one
    for key in sorted(schema.referring_to_column(table, column)):
        user = schema.get(key)
        if isinstance(user, View) and (table, column) in user.uses:
            yield _view(key, user)
    for heir in schema.heirs(table):
        inherited = heir.column(column)
        if inherited and inherited.inherited:
            yield from _of_column(schema, heir.name, column)


def _generating(column: Column | None) -> tuple[str, ...]:
    return column.generated.columns if column and column.generated else ()


def _judged(policy: Policy | None) -> set[str]:
    expressions = (policy.using, policy.check) if policy else ()
    return {column for expression in expressions if expression for column in expression.columns}


def _watched(trigger: Trigger | None) -> set[str]:
    return {*trigger.columns, *(trigger.when.columns if trigger.when else ())} if trigger else set()


def _unique(constraint: Constraint | None) -> tuple[str, ...]:
    return constraint.columns if constraint and constraint.kind in {"primary key", "unique"} else ()


def _columns(table: Table, constraint: str) -> tuple[str, ...]:
    found = table.constraints.get(constraint)
    return found.columns if found else ()


def _of_constraint(schema: Schema, table: Name, name: str) -> Iterator[Dependant]:
    """The foreign keys that need a primary key or a unique constraint."""
    own = schema.table(table)
    constraint = own.constraints.get(name) if own else None
    if constraint is None or constraint.kind not in {"primary key", "unique"}:
        return
    keys = schema.referring_to_column(table, (*constraint.columns, "")[0])
    if constraint.kind == "primary key":
        keys = keys | schema.referring_to_column(table, "")
    for key in sorted(keys):
        user = schema.get(key)
        for other in user.keys_to(table) if isinstance(user, Table) else ():
            if not other.inherited and (
                set(other.ref_columns) == set(constraint.columns)
                or (not other.ref_columns and constraint.kind == "primary key")
            ):
                assert isinstance(user, Table)  # noqa: S101 - narrows the type
                yield Dependant("constraint", user.name, other.name or "", key)


def _calls(schema: Schema, expression: Expression | None, function: Name) -> bool:
    return expression is not None and _named_in(schema, expression.functions, function)


def _named_in(schema: Schema, functions: tuple[str, ...], function: Name) -> bool:
    for written in functions:
        prefix, _, name = written.rpartition(".")
        if name == function.name and schema.resolve_function(Name(prefix or None, name)) == function:
            return True
    return False


def _of_function(schema: Schema, name: Name, types: str | None) -> Iterator[Dependant]:
    called = types is None or not any(  # else nobody knows which of them is
        key[0] == "function"
        and key[3] != types
        and (key[3] or not types)
        and not isinstance(schema.get(key), Absent | None)
        for key in schema.about(name)
    )
    for key, user in _users(schema, name):
        if isinstance(user, Table | View):
            for trigger in user.triggers.values() if not types else ():  # functions of triggers take no parameters
                if trigger and schema.resolve_function(trigger.function) == name:
                    yield Dependant("trigger", user.name, trigger.name, key)
        if not called:
            continue
        if isinstance(user, View) and _named_in(schema, user.functions, name):
            yield _view(key, user)
        if isinstance(user, Table | View):
            for index in user.indexes.values():
                if _in_index(schema, index, name) and not index.inherited:
                    yield Dependant("index", Name(user.name.schema, index.name), "", key)
        if isinstance(user, Table):
            yield from _calling(schema, key, user, name)


def _in_index(schema: Schema, index: Index, name: Name) -> bool:
    expressions = [index.where, *(column.expression for column in index.columns)]
    return any(_calls(schema, expression, name) for expression in expressions)


def _calling(schema: Schema, key: Key, table: Table, name: Name) -> Iterator[Dependant]:
    """The parts of a table that call a function."""
    for column in table.columns.values():
        if column and _calls(schema, column.default, name):
            yield Dependant("default", table.name, column.name, key)
        elif column and not column.inherited and _calls(schema, column.generated, name):
            yield Dependant("column", table.name, column.name, key)
    for constraint in table.constraints.values():
        if constraint and not constraint.inherited and _calls(schema, constraint.expression, name):
            yield Dependant("constraint", table.name, constraint.name or "", key)
    for policy in table.policies.values():
        if policy and (_calls(schema, policy.using, name) or _calls(schema, policy.check, name)):
            yield Dependant("policy", table.name, policy.name, key)


def _within(schema: Schema, name: str) -> Iterator[Dependant]:
    """What is in a schema, but for what belongs to something else in it."""
    for key in schema.collected("schema", name):
        found = schema.get(key)
        full = Name(name, key[2])
        if isinstance(found, View):
            yield _view(key, found)
        elif isinstance(found, Table):
            yield Dependant("foreign table" if found.foreign else "table", full, "", key)
        elif isinstance(found, Routine):
            yield Dependant("procedure" if found.procedure else "function", full, key[3], key)
        elif found is not None and type(found) in _KINDS and not (isinstance(found, Sequence) and found.internal):
            yield Dependant(_KINDS[type(found)], full, "", key)
