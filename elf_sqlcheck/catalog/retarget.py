"""What refers to an object that has got another name, under that name."""

from __future__ import annotations

import re

from elf_sqlcheck.catalog.entries import Domain, OtherType, Routine, Sequence, Statistics, Table, View
from elf_sqlcheck.catalog.objects import Name, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from elf_sqlcheck.catalog.entries import Object
    from elf_sqlcheck.catalog.objects import Column, Expression, Index, Type

    Change = Callable[[Expression | None], Expression | None]


def relation(value: Object, old: Name, new: Name) -> Object:
    """The object with a relation or type that it refers to called `new`. Both names have their schemas."""

    def named(name: Name | None) -> Any:
        return new if name is not None and _same(name, old) else name

    def read(expression: Expression | None) -> Expression | None:
        if expression is None or not any(_same(name, old) for name in expression.reads):
            return expression
        text = _replaced(expression.text, old, new)
        return expression.replace(text=text, reads=tuple(named(name) for name in expression.reads))

    if isinstance(value, Table):
        value = value.replace(
            columns={k: _column(c, old, new) for k, c in value.columns.items()},
            constraints={
                k: c.replace(references=new) if c and c.references == old else c for k, c in value.constraints.items()
            },
            partition_of=named(value.partition_of),
            inherits=tuple(named(parent) for parent in value.inherits),
            of_type=named(value.of_type),
        )
    elif isinstance(value, View):
        uses = tuple((named(name), column) for name, column in value.uses)
        value = value.replace(reads=tuple(named(name) for name in value.reads), uses=uses)
    elif isinstance(value, Statistics):
        value = value.replace(table=named(value.table))
    elif isinstance(value, Sequence) and value.owned_by:
        value = value.replace(owned_by=(named(value.owned_by[0]), value.owned_by[1]))
    elif isinstance(value, Domain):
        value = value.replace(type=_type(value.type, old, new))
    elif isinstance(value, OtherType):
        value = value.replace(attributes=tuple(c.replace(type=_type(c.type, old, new)) for c in value.attributes))
    elif isinstance(value, Routine):
        parameters = tuple(p.replace(type=_type(p.type, old, new)) for p in value.parameters)
        value = value.replace(parameters=parameters, returns=value.returns and _type(value.returns, old, new))
    return expressions(value, read)


def triggers(value: Object, old: Name, new: Name) -> Object:
    """The object with the function of its triggers called `new`."""
    if not isinstance(value, Table | View):
        return value
    named = {
        name: trigger.replace(function=new) if trigger and _same(trigger.function, old) else trigger
        for name, trigger in value.triggers.items()
    }
    return value.replace(triggers=named)


def calls(value: Object, old: Name, new: Name) -> Object:
    """The object with a function that its expressions call called `new`."""
    if isinstance(value, View):
        value = value.replace(functions=tuple(_called(written, old, new) for written in value.functions))

    def call(expression: Expression | None) -> Expression | None:
        if expression is None:
            return None
        functions = tuple(_called(written, old, new) for written in expression.functions)
        if functions == expression.functions:
            return expression
        return expression.replace(text=_replaced(expression.text, old, new), functions=functions)

    return expressions(value, call)


def column(value: Object, table: Name, old: str, new: str) -> Object:
    """The object with a column of `table` that it refers to called `new`."""

    def again(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(new if name == old else name for name in names)

    if isinstance(value, Table):
        value = value.replace(
            constraints={
                k: c.replace(ref_columns=again(c.ref_columns)) if c and c.references == table else c
                for k, c in value.constraints.items()
            }
        )
    elif isinstance(value, View):
        uses = tuple((name, new if name == table and used == old else used) for name, used in value.uses)
        value = value.replace(uses=uses)
    elif isinstance(value, Statistics) and value.table == table:
        value = value.replace(columns=again(value.columns))
    elif isinstance(value, Sequence) and value.owned_by == (table, old):
        value = value.replace(owned_by=(table, new))
    return value


def own_column(owner: Any, old: str, new: str) -> Any:
    """A table or view that calls one of its columns `new`."""

    def again(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(new if name == old else name for name in names)

    def read(expression: Expression | None) -> Expression | None:
        if expression is None or old not in expression.columns:
            return expression
        text = re.sub(rf"(?<![\w'.]){re.escape(quoted(old))}(?![\w'(])", lambda _: quoted(new), expression.text)
        return expression.replace(text=text, columns=again(expression.columns))

    owner = owner.replace(
        indexes={
            k: index.replace(
                columns=tuple(c.replace(name=new) if c.name == old else c for c in index.columns),
                include=again(index.include),
            )
            for k, index in owner.indexes.items()
        },
        triggers={k: t.replace(columns=again(t.columns)) if t else t for k, t in owner.triggers.items()},
    )
    if isinstance(owner, View):
        owner = owner.replace(output=owner.output and again(owner.output))
    else:
        named = {k: c.replace(columns=again(c.columns)) if c else c for k, c in owner.constraints.items()}
        owner = owner.replace(columns=with_name(owner.columns, old, new), constraints=named)
    return expressions(owner, read)


def with_name(parts: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """The parts of a table with one of them called otherwise, in the same order."""
    return {new if k == old else k: v.replace(name=new) if v and k == old else v for k, v in parts.items()}


def expressions(value: Object, change: Change) -> Object:
    """The object with each of its expressions changed."""
    if isinstance(value, Domain):
        checks = tuple(c.replace(expression=change(c.expression)) for c in value.constraints)
        return value.replace(default=change(value.default), constraints=checks)
    if isinstance(value, Table):
        value = value.replace(
            columns={
                k: c.replace(default=change(c.default), generated=change(c.generated)) if c else c
                for k, c in value.columns.items()
            },
            constraints={
                k: c.replace(expression=change(c.expression)) if c else c for k, c in value.constraints.items()
            },
            policies={
                k: p.replace(using=change(p.using), check=change(p.check)) if p else p
                for k, p in value.policies.items()
            },
        )
    if isinstance(value, Table | View):
        value = value.replace(
            indexes={k: _index(index, change) for k, index in value.indexes.items()},
            triggers={k: t.replace(when=change(t.when)) if t else t for k, t in value.triggers.items()},
        )
    return value


def _index(index: Index, change: Change) -> Index:
    columns = tuple(column.replace(expression=change(column.expression)) for column in index.columns)
    return index.replace(columns=columns, where=change(index.where))


def _same(name: Name, full: Name) -> bool:
    """Whether a name as written means the one in full; without a schema it is taken for one that the path finds."""
    return name.name == full.name and name.schema in {None, full.schema}


def _type(kind: Type, old: Name, new: Name) -> Type:
    if kind.name != old.name or (kind.schema or "public") != old.schema:
        return kind
    return kind.replace(name=new.name, schema=None if new.schema == "public" else new.schema)


def _column(column: Column | None, old: Name, new: Name) -> Column | None:
    if column is None:
        return None
    kind = _type(column.type, old, new)
    return column if kind is column.type else column.replace(type=kind)


def _called(written: str, old: Name, new: Name) -> str:
    schema, _, name = written.rpartition(".")
    if not _same(Name(schema or None, name), old):
        return written
    return new.name if new.schema == "public" else f"{new.schema}.{new.name}"


def _replaced(text: str, old: Name, new: Name) -> str:
    """The text of an expression with one name in it for another."""
    schema = rf"(?:{re.escape(quoted(old.schema))}\.)?" if old.schema else ""
    shown = quoted(new.name) if new.schema == "public" else str(new)
    return re.sub(rf"(?<![\w.]){schema}{re.escape(quoted(old.name))}(?!\w)", lambda _: shown, text)
