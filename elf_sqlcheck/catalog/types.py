"""What a change of a column's type costs, and whether its values still fit.

Postgres rewrites the whole table, and all of its indexes, under ACCESS EXCLUSIVE unless the new type reads the old
bytes as they are. Which those are is taken from the server (pg_cast, and the functions that cut a value to length):
https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES
The tests ask a real one about every pair.
"""

from __future__ import annotations

from elf_sqlcheck.catalog.objects import Name, Type
from elf_sqlcheck.catalog.schema import Domain, Enum, OtherType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elf_sqlcheck.catalog.schema import Schema

_REGISTERED = frozenset(
    {
        "regclass", "regcollation", "regconfig", "regdictionary", "regnamespace", "regoper", "regoperator", "regproc",
        "regprocedure", "regrole", "regtype",
    }
)  # fmt: skip
_NUMBERS = frozenset({"int4", "oid"}) | _REGISTERED
#: Pairs of types that hold the same bytes, as pg_cast has them; the object identifiers are told by `is_coercible`.
_SAME_BYTES = frozenset(
    {
        ("bit", "varbit"), ("varbit", "bit"), ("cidr", "inet"), ("pg_node_tree", "text"), ("regoper", "regoperator"),
        ("regoperator", "regoper"), ("regproc", "regprocedure"), ("regprocedure", "regproc"), ("text", "bpchar"),
        ("text", "varchar"), ("varchar", "bpchar"), ("varchar", "text"), ("xml", "bpchar"), ("xml", "text"),
        ("xml", "varchar"), ("citext", "text"), ("citext", "varchar"), ("citext", "bpchar"), ("text", "citext"),
        ("varchar", "citext"),
    }
)  # fmt: skip
_SAME_ORDER = frozenset({("text", "varchar"), ("varchar", "text"), ("cidr", "inet")})
BUILT_IN = frozenset(
    {
        "bit", "bool", "box", "bpchar", "bytea", "char", "cidr", "circle", "citext", "date", "daterange", "float4",
        "float8", "inet", "int2", "int4", "int4range", "int8", "int8range", "interval", "json", "jsonb", "jsonpath",
        "line", "lseg", "macaddr", "macaddr8", "money", "name", "numeric", "numrange", "oid", "path", "pg_lsn",
        "point", "polygon", "text", "time", "timestamp", "timestamptz", "timetz", "tsquery", "tsrange", "tstzrange",
        "tsvector", "uuid", "varbit", "varchar", "xid", "xid8", "xml",
    }
) | _REGISTERED  # fmt: skip
#: Types with a number of fractional digits; 6 is what they have when none is written.
_PRECISE = frozenset({"time", "timetz", "timestamp", "timestamptz", "interval"})
_PRECISION = 6
_UTC = frozenset({"UTC", "GMT", "ETC/UTC", "0", "+0", "+00", "+00:00", "Z", "ZULU"})
_ZONES = frozenset({("timestamp", "timestamptz"), ("timestamptz", "timestamp")})


def is_coercible(old: str, new: str) -> bool:
    """Whether values of the built-in type `old` are, byte for byte, values of `new`."""
    if old in _NUMBERS and new in _NUMBERS:
        return old in {"int4", "oid"} or new in {"int4", "oid"} or (old, new) in _SAME_BYTES
    return (old, new) in _SAME_BYTES


class _Known:
    """A type with its domains taken off: `base` is None where the catalog does not know what it is.

    `own` says that a migration made the base.
    """

    __slots__ = ("base", "constrained", "domain", "own")

    def __init__(self, written: Type, schema: Schema) -> None:
        self.domain = self.constrained = self.own = False
        kind: Type | None = written.stored
        for _ in range(8):  # domains over domains; Postgres refuses cycles, a broken history may hold one
            if kind is None or is_built_in(kind):
                break
            full = schema.resolve(_name(kind), "type")
            found = schema.get(("type", full.schema or "", full.name))
            if isinstance(found, Domain) and not kind.dimensions:
                self.domain = True
                self.constrained = self.constrained or found.not_null or bool(found.constraints)
                kind = found.type.stored
                continue
            self.own = isinstance(found, Enum | OtherType | Domain)
            kind = kind.replace(schema=full.schema) if self.own else None
            break
        self.base = kind


def _name(kind: Type) -> Name:
    return Name(kind.schema, kind.name)


def is_built_in(kind: Type) -> bool:
    """Whether it is certainly one of Postgres' own types, or the text without case of its extension citext."""
    return kind.schema is None and kind.name in BUILT_IN


def rewrites(old: Type, new: Type, schema: Schema) -> bool | None:
    """Whether changing a column from `old` to `new` writes the whole table anew; None where it cannot be told.

    A timestamp with and one without time zone are the same bytes under the TimeZone UTC, which the migration has to
    set.
    """
    old, new = old.stored, new.stored
    if _same(old, new) and old.modifiers == new.modifiers:
        return False
    source, target = _Known(old, schema), _Known(new, schema)
    if target.constrained:
        return True
    one, other = source.base, target.base
    if one is None or other is None:
        # an extension's type that loses its modifier is not touched; between two unknown names all is possible
        return False if _same(old, new) and not new.modifiers else None
    if _same(one, other):
        if one.dimensions:
            return bool(other.modifiers) and one.modifiers != other.modifiers
        return not _fits(other.name, () if source.domain else one.modifiers, other.modifiers)
    if one.dimensions or other.dimensions or source.own or target.own:
        return True
    pair = (one.name, other.name)
    if pair in _ZONES:
        return schema.setting("timezone").upper() not in _UTC or _digits(other) < _PRECISION
    return not is_coercible(*pair) or bool(other.modifiers)


def is_ever_free(new: Type) -> bool:
    """Whether there is any other type that `new` can be made of without writing the table anew."""
    if not is_built_in(new.stored):
        return True
    name = new.stored.name
    free = name in _PRECISE or name in _NUMBERS or name in {"numeric", "varchar", "varbit"}
    return free or (not new.modifiers and any(name == other for _, other in _SAME_BYTES))


def is_ordered_alike(old: Type, new: Type) -> bool:
    """Whether an index of the one type serves the other, so that it is not made anew."""
    old, new = old.stored, new.stored
    return _same(old, new) or (old.name, new.name) in _SAME_ORDER


def _same(one: Type, other: Type) -> bool:
    return one.name == other.name and one.schema == other.schema and bool(one.dimensions) == bool(other.dimensions)


def _digits(kind: Type) -> int:
    return int(kind.modifiers[0]) if kind.modifiers else _PRECISION


def _fits(name: str, old: tuple[int | str, ...], new: tuple[int | str, ...]) -> bool:
    """Whether Postgres knows that every value under the old modifiers is one under the new, without a look at it."""
    if not new or old == new:
        return True
    if name in _PRECISE:
        return int(new[0]) >= (int(old[0]) if old else _PRECISION)
    if not old:
        return False
    if name in {"varchar", "varbit"}:
        return int(new[0]) >= int(old[0])
    if name == "numeric":
        return _scale(new) == _scale(old) and int(new[0]) >= int(old[0])
    return False


def _scale(modifiers: tuple[int | str, ...]) -> int:
    return int(modifiers[1]) if len(modifiers) > 1 else 0


_DIGITS = {"int2": 4, "int4": 9, "int8": 18}  # every number of so many digits fits
_LONGEST = {"int2": 5, "int4": 10, "int8": 19}  # and none has more
_FLOATS = {"float4": 6, "float8": 15}
#: How long the text of a value can be.
_TEXT_LENGTH = {"bool": 5, "int2": 6, "int4": 11, "int8": 20, "uuid": 36, "macaddr": 17, "macaddr8": 23}
_NAME = 63
_TEXTS = frozenset({"text", "varchar", "bpchar", "citext", "name"})
_LOSING = frozenset(
    {
        ("timestamp", "date"), ("timestamptz", "date"), ("timestamp", "time"), ("timestamptz", "time"),
        ("timestamptz", "timetz"), ("inet", "cidr"), ("timetz", "time"), ("macaddr8", "macaddr"), ("interval", "time"),
    }
)  # fmt: skip
_KEEPING = frozenset(
    {
        ("date", "timestamp"), ("date", "timestamptz"), *_ZONES, ("cidr", "inet"), ("macaddr", "macaddr8"),
        ("json", "jsonb"), ("jsonb", "json"), ("bool", "int4"), ("time", "timetz"),
        ("time", "interval"), ("bit", "varbit"), ("citext", "text"), ("text", "citext"),
    }
)  # fmt: skip


def narrows(old: Type, new: Type, schema: Schema) -> bool | None:
    """Whether values of `old` may not fit into `new`: the change fails on them, or cuts or rounds them.

    None where it cannot be told, as for types that no migration made.
    """
    source, target = _Known(old, schema), _Known(new, schema)
    one, other = source.base, target.base
    if _same(old.stored, new.stored) and old.modifiers == new.modifiers:
        return False
    if target.constrained:
        return True
    if one is None or other is None or bool(one.dimensions) != bool(other.dimensions):
        return None
    if source.own or target.own:
        return _enum_narrows(source, target, schema)
    if one.name == other.name:
        return _cuts(one, other)
    if other.name in _TEXTS:
        return _text_narrows(one, other)
    if one.name in _TEXTS:
        return True
    numbers = _number_narrows(one, other)
    if numbers is not None:
        return numbers
    pair = (one.name, other.name)
    if pair == ("money", "numeric"):
        return bool(other.modifiers)
    if pair in _KEEPING:
        return other.name in _PRECISE and _digits(other) < (_digits(one) if one.name in _PRECISE else 0)
    return True if pair in _LOSING else None


def _enum_narrows(source: _Known, target: _Known, schema: Schema) -> bool | None:
    one, other = source.base, target.base
    assert one is not None and other is not None  # noqa: S101, PT018 - only called for types that are known
    old, new = (schema.enum(_name(kind)) for kind in (one, other))
    if old and new:
        return not set(old.labels) <= set(new.labels)
    if new and one.name in _TEXTS:
        return True
    if old and other.name in _TEXTS:
        return bool(other.modifiers) and max(map(len, old.labels), default=0) > int(other.modifiers[0])
    return None


def _cuts(one: Type, other: Type) -> bool | None:
    """Whether a type's own modifiers become smaller."""
    old, new = one.modifiers, other.modifiers
    if not new:
        return False
    if other.name == "numeric":
        return not old or _scale(new) < _scale(old) or int(new[0]) - _scale(new) < int(old[0]) - _scale(old)
    if other.name in _PRECISE:
        return not _fits(other.name, old, new)
    if other.name in {"varchar", "varbit", "bpchar"}:
        return not old or int(new[0]) < int(old[0])
    return True if other.name == "bit" else None


def _text_narrows(one: Type, other: Type) -> bool | None:
    if not other.modifiers and other.name != "name":
        return False
    room = int(other.modifiers[0]) if other.modifiers else _NAME
    if one.name in _TEXTS:
        return not one.modifiers or int(one.modifiers[0]) > room
    length = _TEXT_LENGTH.get(one.name)
    return None if length is None else length > room


def _number_narrows(one: Type, other: Type) -> bool | None:
    """The same for two kinds of numbers; None where they are not both that."""
    old, new = one.name, other.name
    if old in _DIGITS and new in _DIGITS:
        return _DIGITS[old] > _DIGITS[new]
    if old in _DIGITS and new in _FLOATS:
        return _LONGEST[old] > _FLOATS[new]
    if old in _FLOATS and new in _FLOATS:
        return _FLOATS[old] > _FLOATS[new]
    if old == "numeric" and new in _FLOATS:
        return not one.modifiers or int(one.modifiers[0]) > _FLOATS[new]
    if old == "numeric" and new in _DIGITS:
        return not one.modifiers or _scale(one.modifiers) > 0 or int(one.modifiers[0]) > _DIGITS[new]
    if new == "numeric" and old in _DIGITS:
        return bool(other.modifiers) and int(other.modifiers[0]) - _scale(other.modifiers) < _LONGEST[old]
    if new == "numeric" and old in _FLOATS:
        return bool(other.modifiers)
    return True if old in _FLOATS and new in _DIGITS else None
