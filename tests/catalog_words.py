"""One schema told twice in the same words: as the catalog has it, and as a real server shows it.

Both sides are a mapping (kind, identity) → attributes. SQL text is compared in the normal form of our own reader,
without the casts that Postgres adds.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from elf_sqlcheck import sql
from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.differences import _bare, _value
from elf_sqlcheck.catalog.objects import BUILT_IN, Name, quoted
from elf_sqlcheck.catalog.read import read
from elf_sqlcheck.catalog.schema import Domain, Enum, Fact, OtherType, Routine, Sequence, Statistics, Table, View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.catalog.objects import Column, Constraint, Expression, Index
    from elf_sqlcheck.catalog.schema import Schema

Words = dict[tuple[str, str], dict[str, Any]]

_LITERAL = re.compile(r"'(-?[\d.]+)'")


def changes_of(text: str) -> list[ch.Change]:
    data = text.encode()
    script = sql.parse(data)
    assert not script.broken, (text, script.broken)
    return [change for statement in script.statements for change in read(statement, data)]


def _text(value: Expression | None) -> str | None:
    bare = _bare(_value(value))
    return None if bare is None else _LITERAL.sub(r"\1", bare.text.replace("- ", "-"))


def reread(text: str | None) -> str | None:
    """The normal form of an expression that the server shows."""
    if text is None:
        return None
    (change,) = changes_of(f"ALTER TABLE t ALTER c SET DEFAULT {text}")
    assert isinstance(change, ch.SetDefault)
    return _text(change.default)


def constraint_words(value: Constraint) -> dict[str, Any]:
    return {
        "kind": value.kind,
        "columns": sorted(value.expression.columns) if value.expression else list(value.columns),
        "references": value.references and str(value.references),
        "actions": [value.on_delete, value.on_update],
        "expression": _text(value.expression),
        "deferrable": [value.deferrable, value.initially_deferred],
        "nulls": value.nulls_not_distinct,
        "no inherit": value.no_inherit,
        "include": list(value.include),
        "enforced": value.enforced,
        "not valid": value.not_valid,
    }


def index_words(value: Index | ch.CreateIndex) -> dict[str, Any]:
    return {
        "columns": [
            [c.name, _text(c.expression), c.descending, c.nulls, c.opclass.rpartition(".")[2], c.collation]
            for c in value.columns
        ],
        "include": list(value.include),
        "unique": value.unique,
        "nulls": value.nulls_not_distinct,
        "method": value.method,
        "where": _text(value.where),
    }


def _type(value: Any) -> str:
    stored = value.stored
    return str(stored.replace(schema=None) if stored.schema == "public" else stored)


def _column(column: Column, *, foreign: bool = False) -> dict[str, Any]:
    return {
        "type": _type(column.type),
        "not null": column.not_null,
        "default": None if column.type.is_serial else _text(column.default),
        "generated": _text(column.generated),
        "stored": bool(column.generated and column.stored),
        "identity": column.identity,
        "collation": column.collation and column.collation.rpartition(".")[2],
    }


def told_by_catalog(schema: Schema) -> Words:
    """The catalog in the common words."""
    found: Words = {}
    untold: set[str] = set()
    defaults = {
        (thing.owned_by[0], thing.owned_by[1]): f"nextval('{thing.name}')"
        for _, thing in schema.objects()
        if isinstance(thing, Sequence) and thing.internal and thing.owned_by
    }
    for key, thing in schema.objects():
        for kind, identity, attributes in _told(key, thing):
            found[kind, identity] = attributes
        if isinstance(thing, Table) and thing.name.schema != "pg_temp":
            for column in thing.columns.values():
                name = f"{thing.name}.{quoted(column.name)}" if column else ""
                if column and column.type.is_serial:
                    found["column", name]["default"] = reread(defaults[thing.name, column.name])
                if column and column.inherited:  # a snapshot leaves such columns to the parent
                    untold.add(name)
    return {
        key: told for key, told in found.items() if key[0] == "column" or key[1].partition("column ")[2] not in untold
    }


def _told(key: tuple[str, ...], thing: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    if isinstance(thing, Table):
        if thing.name.schema == "pg_temp" or not thing.known:  # DROP POLICY IF EXISTS … ON what is not there
            return
        yield from _table(thing)
    elif isinstance(thing, View):
        if thing.name.schema == "pg_temp":
            return
        kind = "materialized view" if thing.materialized else "view"
        yield (
            kind,
            str(thing.name),
            {
                "columns": list(thing.output or ()),
                "reads": sorted(str(name) for name in thing.reads),
                "options": sorted(f"{name}={value}" for name, value in thing.options),
            },
        )
        for trigger in thing.triggers.values():
            if trigger:
                yield trigger_words(trigger, thing.name)
    elif isinstance(thing, Sequence):
        if thing.name.schema == "pg_temp":
            return
        owner = thing.owned_by and f"{thing.owned_by[0]}.{quoted(thing.owned_by[1])}"
        yield (
            "sequence",
            str(thing.name),
            {"owned by": owner, "increment": int(dict(thing.options).get("increment", 1))},
        )
    elif isinstance(thing, Enum):
        yield "enum", str(thing.name), {"labels": list(thing.labels)}
    elif isinstance(thing, Domain):
        yield "domain", str(thing.name), {
            "base type": _type(thing.type), "not null": thing.not_null, "default": _text(thing.default),
        }  # fmt: skip
        for constraint in thing.constraints:
            if constraint.kind == "check":
                yield "constraint", f"{quoted(constraint.name or '?')} on {thing.name}", constraint_words(constraint)
    elif isinstance(thing, OtherType):
        kind = {"composite": "type", "base": "type", "range": "range type"}[thing.kind]
        attributes = [f"{quoted(column.name)} {_type(column.type)}" for column in thing.attributes]
        yield kind, str(thing.name), {"attributes": attributes}
    elif isinstance(thing, Statistics):
        yield "statistics", str(Name(key[1], key[2])), {}
    elif isinstance(thing, Routine):
        yield _routine(key, thing)
    elif isinstance(thing, Fact):
        yield from _fact(key, thing)
    if isinstance(thing, Table | View) and thing.name.schema != "pg_temp":
        made = {name for name, c in thing.constraints.items() if c} if isinstance(thing, Table) else set()
        for name, index in thing.indexes.items():
            if name not in made:
                yield "index", str(Name(thing.name.schema, name)), {"on": str(thing.name), **index_words(index)}


def _table(table: Table) -> Iterator[tuple[str, str, dict[str, Any]]]:
    name = str(table.name)
    yield (
        "foreign table" if table.foreign else "table",
        name,
        {
            "persistence": table.persistence,
            "row security": bool(table.row_security),
            "forced": table.forced,
            "partitioned by": table.partition_by,
            "parents": sorted(str(parent) for parent in (*table.inherits, table.partition_of) if parent),
        },
    )
    for column in table.columns.values():
        if column:
            yield "column", f"{name}.{quoted(column.name)}", _column(column)
    for part, constraint in table.constraints.items():
        if constraint:
            yield "constraint", f"{quoted(part)} on {name}", constraint_words(constraint)
    for part, policy in table.policies.items():
        if policy:
            yield "policy", f"{quoted(part)} on {name}", {
                "command": policy.command, "permissive": policy.permissive, "roles": sorted(policy.roles),
                "using": _text(policy.using), "check": _text(policy.check),
            }  # fmt: skip
    for trigger in table.triggers.values():
        if trigger:
            yield trigger_words(trigger, table.name)


def trigger_words(trigger: Any, table: Name) -> tuple[str, str, dict[str, Any]]:
    return "trigger", f"{quoted(trigger.name)} on {table}", {
        "function": trigger.function.name, "timing": trigger.timing, "events": sorted(trigger.events),
        "columns": sorted(trigger.columns), "row": trigger.row, "when": _text(trigger.when),
        "enabled": trigger.enabled,
    }  # fmt: skip


def _argument(kind: Any) -> str:
    """A type as the server shows it without a search_path."""
    shown = kind.replace(modifiers=())
    if kind.schema is None and kind.name not in BUILT_IN and str(kind) == quoted(kind.name) + "[]" * kind.dimensions:
        shown = shown.replace(schema="public")
    return str(shown)


def _routine(key: tuple[str, ...], routine: Routine) -> tuple[str, str, dict[str, Any]]:
    inputs = [p.type for p in routine.parameters if p.mode in {"in", "inout", "variadic"}]
    types = ", ".join(_argument(kind) for kind in inputs)
    return (
        "procedure" if routine.procedure else "function",
        f"{routine.name}({types})",
        {
            "language": routine.language,
            "volatility": routine.volatility,
            "definer": routine.security_definer,
            "settings": sorted(f"{name}={value}" for name, value in routine.settings),
            "body": None if routine.body.startswith(("ReturnStmt", "List", "(")) else routine.body,
        },
    )


OTHERS = frozenset(
    ["aggregate", "cast", "collation", "event trigger", "foreign server", "foreign data wrapper", "language",
     "operator", "operator class", "rule", "statistics", "text search configuration", "text search dictionary",
     "publication", "extension", "schema"]
)  # fmt: skip


def _fact(key: tuple[str, ...], fact: Fact) -> Iterator[tuple[str, str, dict[str, Any]]]:
    kind, schema, *more = key
    if not more:
        return
    name, *rest = more
    full = str(Name(schema or None, name))
    if kind == "comment":
        part, of = rest
        shown = (
            f"{quoted(part)} on {full}"
            if of in {"constraint", "domain constraint", "policy", "rule", "trigger"}
            else full
        )
        shown = f"{full}.{quoted(part)}" if of == "column" else shown
        shown = f"{full}({part})" if of in {"function", "procedure"} else shown
        shown = full.replace('"', "") if of == "operator" else shown
        yield "comment", f"{'constraint' if of == 'domain constraint' else of} {shown}", {"text": fact.value}
    elif kind == "grant":
        of, grantee, *column = rest
        place = f"{full}.{quoted(column[0])}" if column and of == "table" else full
        place = f"{full}({', '.join(filter(None, column[0].split(',')))})" if column and of == "function" else place
        word = "column" if column and of == "table" else of
        privileges = fact.value
        assert isinstance(privileges, frozenset)
        kept = [privilege for privilege in privileges if f"{privilege} with grant option" not in privileges]
        yield "privileges", f"{grantee} on {word} {place}", {"granted": sorted(kept)}
    elif kind == "rule":
        yield "rule", f"{quoted(rest[0])} on {full}", {}
    elif kind == "function":
        yield "aggregate", full, {}
    elif kind in OTHERS:
        yield kind, name if kind == "cast" else full.replace('"', "") if kind == "operator" else full, {}


def different(expected: Words, actual: Words) -> dict[tuple[str, str], tuple[Any, Any]]:
    """What the catalog (`expected`) and the server tell otherwise, as (attributes of the one, of the other)."""
    found: dict[tuple[str, str], tuple[Any, Any]] = {}
    for key in sorted({*expected, *actual}):
        ours, theirs = expected.get(key), actual.get(key)
        if ours is not None and theirs is not None:
            fields = [field for field in {**ours, **theirs} if ours.get(field) != theirs.get(field)]
            ours, theirs = ({field: side.get(field) for field in fields} for side in (ours, theirs))
        if ours != theirs:
            found[key] = (ours, theirs)
    return found
