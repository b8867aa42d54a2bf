"""What DOWN leaves undone: the schema before a migration compared with the schema after its UP and its DOWN.

Only objects that the migration touched are compared, and only what the catalog knows: of an object that no migration
created, nothing is known but what this one did to it, so it counts as restored as soon as DOWN has undone that.
Not differences: the order of columns, extensions and roles left over, rows.
"""

from __future__ import annotations

from elf_sqlcheck.catalog.entries import Absent, Enum, Fact, IndexOf, Routine, Sequence, Table, View
from elf_sqlcheck.catalog.objects import Column, Constraint, Expression, Index, IndexColumn, Name, Trigger, Type, quoted
from elf_sqlcheck.later import later
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from elf_sqlcheck.catalog.entries import Key, Object
    from elf_sqlcheck.catalog.schema import Schema

_IGNORED = frozenset({"setting", "extension", "role"})
_PARTS = (("columns", "column"), ("constraints", "constraint"), ("indexes", "index"), ("policies", "policy"),
          ("triggers", "trigger"))  # fmt: skip
_CAST = later(r"::(?:double precision|character varying|timestamp with(?:out)? time zone|[\w.]+)(?:\(\d+\))?(?:\[\])?")
#: A type's name as a function of one column: on a column of that type it does nothing and is not kept.
_TYPE_CALL = later(r"(?:date|text|int4|int8|timestamp|timestamptz)\((\w+)\)")
_CAST_LITERAL = later(r"""^('(?:[^']|'')*'|NULL)::[\w ."]+(?:\(\d+\))?(?:\[\])?$""")
_WORDS = {
    "not_null": "NOT NULL",
    "default": "default",
    "type": "type",
    "identity": "identity",
    "generated": "expression",
}


class SchemaDifference(Record):
    """One thing that DOWN leaves different. `kind` and `name` say what it is of ("column", "public.users.email");
    `change` is "left behind" (UP made it), "not restored" (UP or DOWN took it away) or "changed"; `detail` says how,
    as the end of a sentence; `position` is the number of the change of UP that did it (-1: none). `known` is False when
    nothing was known of it before, not even that it was there.
    """

    kind: str
    name: str
    change: str
    detail: str = ""
    position: int = -1
    known: bool = True


def differences(before: Schema, up: Schema, down: Schema) -> list[SchemaDifference]:
    """Compare the schema `before` a migration with that after its `down`; `up` is the one in between."""
    found: list[SchemaDifference] = []
    for key in before.touched():
        if key[0] not in _IGNORED:
            found += _object(key, before, up, down)
    return sorted(found, key=lambda difference: (difference.position, difference.kind, difference.name))


def _there(value: Object | None) -> bool:
    return not isinstance(value, Absent | None)


def _object(key: Key, before: Schema, up: Schema, down: Schema) -> Iterator[SchemaDifference]:
    first, last = before.get(key), down.get(key)
    if first == last or (first is None and isinstance(last, Absent) and _made(key, before)):
        return
    middle = up.get(key)
    if any(isinstance(value, IndexOf) for value in (first, middle, last)):
        return  # told with its table
    if isinstance(first, Routine) and isinstance(last, Routine) and _plain(first) == _plain(last):
        return
    if isinstance(first, Sequence) and isinstance(last, Sequence) and _is_same_sequence(first, last):
        return
    kind, name = _named(key, first if _there(first) else middle if _there(middle) else last)
    position = _within(up, before.touched_at(key))
    if isinstance(first, Absent | None):
        yield from _unknown_before(key, kind, name, (first, middle, last), before, up, position)
    elif isinstance(last, Absent | None):
        yield SchemaDifference(kind, name, "not restored", "", position)
    elif isinstance(first, Table) and isinstance(last, Table):
        yield from _parts(key, (first, middle, last), before, up)
    else:
        yield SchemaDifference(kind, name, "changed", _detail(first, last), position)


def _unknown_before(
    key: Key,
    kind: str,
    name: str,
    values: tuple[Object | None, Object | None, Object | None],
    before: Schema,
    up: Schema,
    position: int,
) -> Iterator[SchemaDifference]:
    """An object that was not there, or of which nothing was known, before the migration."""
    _, middle, last = values
    if isinstance(last, Table) and not last.known:
        empty = last.replace(
            columns={}, constraints={}, indexes={}, policies={}, triggers={}, row_security=None, forced=False
        )
        yield from _parts(key, (empty, middle, last), before, up)
    elif key[0] in {"fact", "renamed"}:
        if last == middle and isinstance(last, Fact):
            aspect = _WORDS.get(key[4], key[4]) if key[0] == "fact" else "name"
            column = key[3] if key[0] == "fact" else key[4]
            text = f"its {aspect} is not what it was"
            yield SchemaDifference(
                "column", f"{_shown(Name(key[1], key[2]))}.{quoted(column)}", "changed", text, position
            )
    elif _there(last):
        if _there(middle):
            yield SchemaDifference(kind, name, "left behind", "", position)
    elif isinstance(last, Absent) and isinstance(middle, Absent) and values[0] is None and not _made(key, before):
        yield SchemaDifference(kind, name, "not restored", "", position, known=False)


def _parts(key: Key, values: tuple[Any, Any, Any], before: Schema, up: Schema) -> Iterator[SchemaDifference]:
    """The parts of a table that was there before and is there after."""
    first, middle, last = values
    table = _shown(last.name)
    for field, kind in _PARTS:
        old, new = getattr(first, field), getattr(last, field)
        between = getattr(middle, field, {})
        start, touched = before.touched_at(key), before.parts_touched_at(key, field)
        for part in dict.fromkeys([*old, *new]):
            shown = old.get(part), new.get(part)
            was, now = _alike(*shown)
            if was == now and not (part in new and part not in old):
                continue
            if kind == "index" and (part in first.constraints or part in last.constraints):
                continue  # told as the constraint that it belongs to
            position = _within(up, touched.get(part, start))
            name = f"{table}.{quoted(part)}" if kind == "column" else f"{quoted(part)} on {table}"
            if was is None and now is not None:
                if between.get(part) is not None:
                    yield SchemaDifference(kind, name, "left behind", "", position)
            elif now is None:
                if kind == "column" and part not in new and not last.complete:
                    continue  # CREATE TABLE … AS: which columns it has is not known
                if was is None and first.known and (first.complete or kind != "column"):
                    continue  # it was not there before
                if was is not None or between.get(part) is None:
                    yield SchemaDifference(kind, name, "not restored", "", position, was is not None)
            else:
                yield SchemaDifference(kind, name, "changed", _detail(was, now, shown), position)
    for field, what in (("row_security", "row level security"), ("forced", "forced row level security")):
        was, now = getattr(first, field), getattr(last, field)
        if was != now and (was is not None or now == getattr(middle, field, None)):
            word = "is still on" if now else "is off now"
            yield SchemaDifference("table", table, "changed", f"{what} {word}", _within(up, before.touched_at(key)))


def _within(up: Schema, position: int) -> int:
    """The position of a change of UP; -1 for one of DOWN."""
    return position if position < up.position else -1


def _made(key: Key, before: Schema) -> bool:
    """Whether the migration itself made what it then took away."""
    return _there(before.at(before.touched_at(key) + 1).get(key))


def _alike(was: Any, now: Any) -> tuple[Any, Any]:
    """Two forms of one part of a table without what is only another way to write the same."""
    if isinstance(was, Constraint) and isinstance(now, Constraint):
        loose: dict[str, Any] = {"inline": False, "using_index": None}
        if was.kind == "check":  # one of a column is no other than one of its table
            loose["columns"] = ()
        if was.using_index or now.using_index:
            loose["columns"] = ()
        if not (was.ref_columns and now.ref_columns):  # none: the primary key
            loose["ref_columns"] = ()
        return _both(was, now, lambda c: c.replace(**loose, expression=_bare(c.expression)))
    if isinstance(was, Trigger) and isinstance(now, Trigger):  # renaming a function is not followed
        return was.replace(function=now.function), now
    if isinstance(was, Column) and isinstance(now, Column):
        return _both(was, now, _plain_column)
    if isinstance(was, Index) and isinstance(now, Index):
        return _both(was, now, _plain_index)
    return was, now


def _both(was: Any, now: Any, form: Callable[[Any], Any]) -> tuple[Any, Any]:
    return form(was), form(now)


def _is_same_sequence(one: Sequence, other: Sequence) -> bool:
    """Whether two sequences differ in no more than a type that only one of them names, or where counting goes on."""
    options = dict(one.options), dict(other.options)
    shared = {name for name in options[0].keys() | options[1].keys() if name not in {"as", "restart"}}
    types = {option["as"] for option in options if "as" in option}
    alike = all(options[0].get(name) == options[1].get(name) for name in shared) and len(types) < 2
    return alike and one.replace(options=()) == other.replace(options=())


def _plain_column(column: Column) -> Column:
    """A serial column is an integer with a default from its sequence, however that came to be."""
    default = _value(column.default)
    if column.type.is_serial or (default and default.text.startswith("nextval(")):
        default = Expression("nextval")
    return column.replace(default=default, type=_local(column.type.stored))


def _plain_index(index: Index) -> Index:
    columns = tuple(_plain_key(column) for column in index.columns)
    return index.replace(where=_bare(index.where), columns=columns)


def _plain_key(column: IndexColumn) -> IndexColumn:
    call = _TYPE_CALL.fullmatch(column.expression.text) if column.expression else None
    if call:
        return column.replace(name=call[1], expression=None)
    return column.replace(expression=_bare(column.expression))


def _local(kind: Type) -> Type:
    return kind.replace(schema=None) if kind.schema == "public" else kind


def _bare(expression: Expression | None) -> Expression | None:
    """An expression without casts and the schema `public`, which pg_dump writes and people do not."""
    if expression is None:
        return None
    text = _CAST.sub("", expression.text)
    return Expression(text.replace("public.", "").replace("(", "").replace(")", ""))


def _value(default: Expression | None) -> Expression | None:
    """A default without the cast that Postgres adds to a literal anyway; NULL is none."""
    if default is None or not (default.constant or default.text.startswith("'")):
        return default
    text = _CAST_LITERAL.sub(r"\1", default.text)
    return None if text == "NULL" else Expression(text, constant=True)


def _plain(routine: Routine) -> Routine:
    """A routine whose body has neither comments nor white space."""
    from elf_sqlcheck.sql import tokens

    body = routine.body.encode()
    words = [body[t.start : t.end + 1].lower() for t in tokens(body) if not t.name.endswith("_COMMENT")]
    return routine.replace(body=b" ".join(words).decode("utf-8", "replace"))


def _written(value: Any) -> str:
    """A value as people write it."""
    if isinstance(value, tuple):
        return "(" + ", ".join(_written(item) for item in value) + ")"
    if isinstance(value, IndexColumn):
        words = [value.name or (value.expression.text if value.expression else "?"), value.opclass]
        return " ".join(filter(None, [*words, "DESC" if value.descending else "", value.nulls]))
    if isinstance(value, bool):
        return "on" if value else "off"
    text = getattr(value, "text", None)
    return str(text) if text else "none" if value is None else str(value)


def _detail(was: Any, now: Any, written: tuple[Any, Any] | None = None) -> str:
    """What is different between two forms of one thing, in words; `written` are both as the text has them."""
    if isinstance(was, Routine):
        return "it has another definition than before"
    if isinstance(was, View):
        return "it has another query or other options than before"
    if isinstance(was, Enum) and isinstance(now, Enum):
        extra = [label for label in now.labels if label not in was.labels]
        return f"it still has the label {', '.join(extra)}" if extra else "its labels are not what they were"
    if isinstance(was, Fact) or type(was) is not type(now):
        return "it is not what it was"
    fields = [field for field in type(was)._compared if getattr(was, field) != getattr(now, field)]
    parts = []
    for field in fields:
        old, new = (getattr(value, field) for value in written or (was, now))
        parts.append(f"{_WORDS.get(field, field.replace('_', ' '))} was {_written(old)} and is {_written(new)}")
    return "; ".join(parts)


def _shown(name: Name) -> str:
    return str(name) if name.schema != "public" else quoted(name.name)


def _named(key: Key, value: Object | None) -> tuple[str, str]:
    """The kind and the name of an object for people."""
    schema, last = key[1], key[2]
    name = _shown(Name(schema or None, last))
    if isinstance(value, View):
        return ("materialized view" if value.materialized else "view"), name
    if isinstance(value, Table | Sequence):
        return type(value).__name__.lower(), name
    if isinstance(value, Routine):
        return ("procedure" if value.procedure else "function"), f"{name}({key[3]})"
    if key[0] == "comment":
        return "comment", f"on {key[4]} {name}{'.' + quoted(key[3]) if key[3] else ''}"
    if key[0] == "grant":
        return "grant", f"on {key[3]} {name} to {key[4]}"
    if key[0] == "enum label":
        return "label", f"{key[3]} of type {name}"
    return ("relation" if key[0] == "relation" else key[0]), name
