"""What values the types of Postgres have: ordinary ones, made from a number, and those at the edges of the type.

An ordinary value is SQL over the number of a row, so that the server makes a million of them by itself. Numbers that
differ give values that differ, as far as the type has so many.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from elf_sqlcheck.catalog.objects import Name
    from elf_sqlcheck.verify.rows.tables import Column, Type

#: Keys count from here, so that they do not meet what migrations insert: roles 1 to 5, the settings 1 to 20.
_FIRST_KEY = 1_000_000
_FIRST_SMALL_KEY = 1_000
#: What a btree takes (https://www.postgresql.org/docs/current/btree.html), whatever the encoding.
_LONG = 600


@dataclass(frozen=True)
class Values:
    """`ordinary` is SQL with `{g}` where the number of the row, a bigint, belongs; `edges` are texts to be cast."""

    ordinary: str
    edges: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Wanted:
    """What values are wanted: of a type with this modifier, for a column of this name; `salt` decides which."""

    modifier: int
    name: str
    salt: int
    unique: bool


def values(column: Column, types: Mapping[int, Type], salt: int, *, unique: bool) -> Values | None:
    """The values for a column, None when its type is one of which nothing is known.

    `salt` decides which values they are; `unique` wants numbers that nobody else would choose.
    """
    made = _of(column.type, types, _Wanted(column.modifier, column.name, salt, unique))
    return replace(made, ordinary=f"({made.ordinary})::{column.shown}") if made else None


def _of(oid: int, types: Mapping[int, Type], wanted: _Wanted) -> Values | None:
    found = types.get(oid)
    if found is None:
        return None
    if found.kind == "e":
        return _labels(found)
    if found.kind == "d":
        return _of(found.base, types, replace(wanted, modifier=found.modifier))
    if found.kind == "r":
        return _range(found, types, wanted)
    if found.kind == "c":
        return _composite(found, types, wanted)
    if found.category == "A" and found.base and found.kind == "b":
        element = _of(found.base, types, wanted)
        return Values(f"ARRAY[{element.ordinary}]", ("{}",)) if element else None
    make = _KNOWN.get(found.name)
    return make(wanted) if make else None


def _labels(found: Type) -> Values | None:
    if not found.labels:
        return None
    return Values(f"({texts(found.labels)})[1 + {{g}} % {len(found.labels)}]", found.labels)


def _range(found: Type, types: Mapping[int, Type], wanted: _Wanted) -> Values | None:
    bound = _of(found.base, types, replace(wanted, modifier=-1, unique=True))
    if bound is None:
        return None
    low, high = (bound.ordinary.replace("{g}", f"({{g}} * 2 + {more})") for more in (0, 1))
    # Ranges of neighbours do not overlap, which is what constraints on ranges mostly ask for.
    return Values(f"format('[%s,%s)', {low}, {high})", ("empty", "(,)"))


def _composite(found: Type, types: Mapping[int, Type], wanted: _Wanted) -> Values | None:
    parts: list[str] = []
    for name, oid, modifier in found.attributes:
        part = _of(oid, types, replace(wanted, modifier=modifier, name=name))
        parts.append(part.ordinary if part else "NULL")
    return Values(f"ROW({', '.join(parts)})", ()) if parts else None


def texts(literals: tuple[str, ...] | list[str]) -> str:
    """An array of texts as SQL."""
    return f"ARRAY[{', '.join(map(literal, literals))}]::text[]"


def identifier(name: str) -> str:
    """A name as SQL: always quoted, for it may be a keyword (a table `order`, a column `user`)."""
    return '"' + name.replace('"', '""') + '"'


def written(name: Name) -> str:
    """A name with its schema, if it has one, as SQL."""
    return ".".join(identifier(part) for part in (name.schema, name.name) if part)


def literal(value: str) -> str:
    """A string as SQL, whatever `standard_conforming_strings` says."""
    plain = "'" + value.replace("'", "''") + "'"
    return " E" + plain.replace("\\", "\\\\") if "\\" in plain else plain


def _integer(first: int, most: int) -> Callable[[_Wanted], Values]:
    edges = ("0", str(most), str(-most - 1), "-1")

    def make(wanted: _Wanted) -> Values:
        offset = first if wanted.unique else 0
        return Values(f"{offset} + {{g}} % {most - offset - 1}", edges)

    return make


def _numeric(wanted: _Wanted) -> Values:
    if wanted.modifier < 4:
        return Values("{g} + 0.25", ("0", "-1", "123456789012345678901234567890.123456789", "0.000000001"))
    precision = (wanted.modifier - 4) >> 16 & 0xFFFF
    # https://www.postgresql.org/docs/current/datatype-numeric.html: the scale may be negative from 15 on.
    scale = ((wanted.modifier - 4 & 0x7FF) ^ 0x400) - 0x400
    nines = "9" * precision + "0" * max(0, -scale)
    most = nines if scale <= 0 else f"{nines[:-scale]}.{nines[-scale:].rjust(scale, '0')}"
    # Whole numbers as long as there are enough of them: prices, amounts.
    whole = 10 ** (precision - scale) if 0 <= scale < precision else 0
    step = f"{Decimal(10) ** -scale:f}"
    ordinary = f"{{g}} % {whole}" if whole > 100_000 else f"({{g}} % {min(10**precision - 2, 10**15)}) * {step}"
    return Values(ordinary, ("0", most, f"-{most}"))


def _float(most: str) -> Callable[[_Wanted], Values]:
    return lambda _: Values("{g} + 0.5", ("0", "NaN", "Infinity", "-Infinity", most, "-0"))


def _text(wanted: _Wanted) -> Values:
    length = wanted.modifier - 4 if wanted.modifier >= 4 else _LONG
    named = _named(wanted.name)
    if length < len(named) + 12:
        ordinary = f"right(to_hex({{g}}), {length})"
    else:
        ordinary = named.join(("'", "' || {g}")) + (" || '@example.org'" if "mail" in named else "")
    edges = ["", " ", "Zoë 😀 北京", 'O\'Brien "x" \\ {y}', "x" * length]
    return Values(ordinary, tuple(dict.fromkeys(edge[:length] for edge in edges)))


def _named(column: str) -> str:
    """The column's name as the beginning of its texts, ready to stand in a template between quotes."""
    return column.replace("'", "''").replace("\\", "").replace("_", " ") + " "


def _moments(base: str, zone: str = "") -> Callable[[_Wanted], Values]:
    """Points in time, an hour and a half apart: as many as fit before the year 10000."""
    edges = ("0001-01-01", "4713-01-01 BC", "9999-12-31 23:59:59.999999", "infinity", "-infinity", "1970-01-01",
             "2024-02-29 12:00:00.000001")  # fmt: skip
    made = tuple(edge if edge.endswith("infinity") else edge.replace(" BC", f"{zone} BC") for edge in edges)
    return lambda _: Values(f"{base} '2020-01-01' + ({{g}} % 40000000) * interval '97 minutes'", made)


def _bits(wanted: _Wanted) -> Values:
    length = wanted.modifier if wanted.modifier > 0 else 1
    return Values(f"({{g}})::bigint::bit({length})", ("0" * length, "1" * length))


def _vector(wanted: _Wanted) -> Values:
    length = wanted.modifier if wanted.modifier > 0 else 3
    return Values(f"'[' || {{g}} % 1000 || repeat(',0.5', {length - 1}) || ']'", ())


def _fixed(ordinary: str, *edges: str) -> Callable[[_Wanted], Values]:
    return lambda _: Values(ordinary, edges)


def _hashed(sql: str, *edges: str) -> Callable[[_Wanted], Values]:
    """`sql` with `{md5}` where a hash of the salt and the row belongs."""
    return lambda wanted: Values(sql.replace("{md5}", f"md5('{wanted.salt}:' || {{g}})"), edges)


_KNOWN: dict[str, Callable[[_Wanted], Values]] = {
    "int2": _integer(_FIRST_SMALL_KEY, 2**15 - 1),
    "int4": _integer(_FIRST_KEY, 2**31 - 1),
    "int8": _integer(_FIRST_KEY, 2**63 - 1),
    "numeric": _numeric,
    "float4": _float("1e38"),
    "float8": _float("1e300"),
    "money": _fixed("({g})::numeric", "0", "-92233720368547758.08", "92233720368547758.07"),
    "bool": _fixed("{g} % 2 = 0", "true", "false"),
    "text": _text,
    "varchar": _text,
    "bpchar": _text,
    "citext": _text,
    "name": _text,
    "char": _fixed("chr(65 + ({g} % 26)::int)", "z"),
    "bytea": _hashed("decode({md5}, 'hex')", "", "\\x00ff"),
    "uuid": _hashed("{md5}::uuid", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    "date": _fixed("date '2020-01-01' + ({g} % 2000000)::int", "0001-01-01", "4713-01-01 BC", "9999-12-31", "infinity",
                   "-infinity", "2024-02-29"),
    "timestamp": _moments("timestamp"),
    "timestamptz": _moments("timestamptz", "+00"),
    "time": _fixed("time '00:00' + ({g} % 86400) * interval '1 second'", "00:00", "24:00", "23:59:59.999999"),
    "timetz": _fixed("timetz '00:00+00' + ({g} % 86400) * interval '1 second'", "00:00+00", "23:59:59.999999-12"),
    "interval": _fixed("({g} % 1000000000) * interval '1 minute'", "0", "-1 year -3 days", "178000000 years"),
    "json": _fixed("json_build_object('n', {g})", "null", "{}", "[]", '"text"', '{"a": {"b": [1, null]}}'),
    "jsonb": _fixed("jsonb_build_object('n', {g})", "null", "{}", "[]", '"text"', '{"a": {"b": [1, null]}}'),
    "jsonpath": _fixed("('$.a' || {g})::jsonpath", "$"),
    "inet": _fixed("inet '10.0.0.0' + {g} % 16000000", "0.0.0.0/0", "::1", "2001:db8::/32"),
    "cidr": _fixed("(inet '10.0.0.0' + {g} % 16000000)::cidr", "0.0.0.0/0", "2001:db8::/32"),
    "macaddr": _hashed("left({md5}, 12)::macaddr", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"),
    "macaddr8": _hashed("left({md5}, 16)::macaddr8", "00:00:00:00:00:00:00:00"),
    "bit": _bits,
    "varbit": lambda wanted: Values(f"({{g}})::bigint::bit({max(1, min(wanted.modifier, 64))})::varbit", ("", "1")),
    "tsvector": _fixed("to_tsvector('simple', 'word' || {g})", ""),
    "tsquery": _fixed("to_tsquery('simple', 'word' || {g})", ""),
    "oid": _fixed(f"{_FIRST_KEY} + {{g}} % 1000000000", "0", "4294967295"),
    "regclass": _fixed("'pg_class'"),
    "regtype": _fixed("'int4'"),
    "regproc": _fixed("'now'"),
    "regprocedure": _fixed("'now()'"),
    "regrole": _fixed("'pg_monitor'"),
    "regnamespace": _fixed("'pg_catalog'"),
    "pg_lsn": _fixed("'0/' || to_hex({g} % 4000000000)", "0/0"),
    "point": _fixed("point({g}, -{g})", "(0,0)"),
    "lseg": _fixed("lseg(point({g}, 0), point({g}, 1))", "[(0,0),(0,0)]"),
    "line": _fixed("line(point({g}, 0), point({g} + 1, 1))"),
    "box": _fixed("box(point({g}, {g}), point({g} + 0.5, {g} + 0.5))", "(0,0),(0,0)"),
    "path": _fixed("'[(0,0),(' || {g} || ',1)]'", "((0,0),(1,1))"),
    "polygon": _fixed("'((0,0),(' || {g} || ',0),(0,1))'"),
    "circle": _fixed("circle(point({g}, {g}), 0.1)", "<(0,0),0>"),
    "hstore": _fixed("'n=>' || {g}", "", "a=>NULL"),
    "ltree": _fixed("'top.n' || {g}", "", "a"),
    "vector": _vector,
    "halfvec": _vector,
    "cube": _fixed("'(' || {g} || ')'", "(0,0)"),
}  # fmt: skip
