"""What goes into a column: SQL over the number of a row, for ordinary rows and for those at the edges."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elf_sqlcheck.verify.rows.patterns import matching
from elf_sqlcheck.verify.rows.values import literal, texts, values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from elf_sqlcheck.catalog.conditions import Condition
    from elf_sqlcheck.verify.rows.tables import Column, Table, Type
    from elf_sqlcheck.verify.rows.values import Values

#: How many texts are made up for a pattern, and how long one gets for the sake of a `length(…) >`.
_MATCHES = 200
_LONGEST = 5_000
#: What a number that is near another one may not leave: the range of its type.
_RANGES = {"oid": 2**31, "int2": 2**15 - 1, "int4": 2**31 - 1, "int8": 2**62}
_NEAR = {"date": "timestamp", "timestamp": "timestamp", "timestamptz": "timestamptz"}


@dataclass(frozen=True)
class Source:
    """Where a column's values come from: those of its type, and `pool`, texts that its conditions speak of.

    `only_pool` is for domains with conditions, to which nothing else can be cast. `near` is SQL for values around the
    constants of its conditions, "" for types that know no distance.
    """

    column: Column
    values: Values
    pool: tuple[str, ...]
    only_pool: bool
    near: str
    unique: bool
    nullable: bool
    salt: int

    def ordinary(self, *, nulls: bool) -> str:
        """SQL for an ordinary value; with `nulls` it may be none, where a condition seems to want that."""
        plain = self.values.ordinary.replace("{g}", "g")
        if not self.pool:
            return plain
        number = "g" if self.unique else _hash(self.salt)
        pick = f"({texts(self.pool)})[({number} % {len(self.pool)} + 1)::int]::{self.column.shown}"
        if self.only_pool:
            return pick
        arms = [plain, pick, f"({self.near})::{self.column.shown}" if self.near else pick]
        if nulls and self.nullable:
            arms.append("NULL")
        whens = " ".join(f"WHEN {n} THEN {arm}" for n, arm in enumerate(arms))
        return f"CASE {_hash(self.salt + 1)} % {len(arms)} {whens} END"

    def edge(self, *, mixed: bool) -> str:
        """SQL for a value at the edge, by `k`, the number of the edge row; `mixed` draws it instead."""
        made = [literal(text) for text in (self.pool if self.only_pool else (*self.values.edges, *self.pool[:20]))]
        if self.nullable:
            made.insert(0, "NULL")
        if not made:
            return self.ordinary(nulls=False)
        count = len(made)
        which = "k" if self.unique else f"{_hash(self.salt + 2)} % {count + 1}" if mixed else f"k % {count + 1}"
        array = f"(ARRAY[{', '.join(made)}]::text[])[({which} + 1)::int]::{self.column.shown}"
        return f"CASE WHEN {which} < {count} THEN {array} ELSE {self.ordinary(nulls=False)} END"


def _hash(salt: int) -> str:
    """A number that is not negative, drawn for row `g`."""
    return f"(hashint8extended(g, {salt}) & 9223372036854775807)"


def source(
    table: Table,
    column: Column,
    types: Mapping[int, Type],
    conditions: Iterable[Condition],
    domain: tuple[str, ...] | None,
    seed: int,
) -> Source | None:
    """Return where the values of a column come from, None when nothing is known of its type.

    `conditions` are those of the table, `domain` the values that a domain with conditions accepts, None for others.
    """
    salt = zlib.crc32(f"{table.name}.{column.name}".encode()) + seed * 7919
    unique = any(column.name in names for names in table.uniques)
    found = values(column, types, salt, unique=unique)
    if found is None:
        return None
    own = _base(types[column.type], types)
    nullable = not column.not_null and not types[column.type].not_null
    if domain is not None:
        return Source(column, found, domain, True, "", unique, nullable, salt) if domain else None
    about = [condition for condition in conditions if column.name in condition.columns]
    constants = [text for condition in about for text in condition.constants.get(column.name, ())]
    patterns = [text for condition in about for text in condition.patterns.get(column.name, ())]
    pool = candidates(own, column.modifier, constants, patterns, salt)
    if about and not pool:
        pool = list(found.edges)
    near = _near(own, column, [text for text in constants if accepts(own, text)]) if about else ""
    return Source(column, found, tuple(pool), False, near, unique, nullable, salt)


def _base(type_: Type, types: Mapping[int, Type]) -> Type:
    while type_.kind == "d" and type_.base in types:
        type_ = types[type_.base]
    return type_


def candidates(type_: Type, modifier: int, constants: Iterable[str], patterns: Iterable[str], seed: int) -> list[str]:
    """Texts that conditions with these constants and patterns may accept, all of them readable as the type."""
    made: dict[str, None] = {}
    for text in constants:
        if type_.category == "N" and accepts(type_, text):
            number = float(text)
            near = (number, number + 1, number - 1, number * 2, number / 2)
            made.update(dict.fromkeys(str(int(value)) if value == int(value) else str(value) for value in near))
        elif type_.category == "S" and text.isdigit() and int(text) <= _LONGEST:
            made.update(dict.fromkeys("x" * max(0, int(text) + more) for more in (0, -1, 1)))
        elif accepts(type_, text):
            made[text] = None
    if type_.category == "S":
        for pattern in patterns:
            made.update(dict.fromkeys(matching(pattern, _MATCHES, seed)))
    if type_.category != "N":
        return list(made)
    most = _most(type_, modifier)
    fitting = [text for text in made if most is None or abs(float(text)) <= most]
    return [text for text in fitting if "." not in text] if type_.name in _RANGES else fitting


def _most(type_: Type, modifier: int) -> int | None:
    """The greatest whole number of a type, None when it knows none."""
    if type_.name == "numeric" and modifier >= 4:
        digits = (modifier - 4 >> 16 & 0xFFFF) - (modifier - 4 & 0x7FF)
        return 10**digits - 1 if 0 < digits < 30 else 0
    return _RANGES.get(type_.name)


def accepts(type_: Type, text: str) -> bool:
    """Whether the type can surely read the text."""
    if type_.category == "N":
        return text.removeprefix("-").replace(".", "", 1).isdigit() and len(text) < 18
    if type_.kind == "e":
        return text in type_.labels
    if type_.category == "D":
        return text[:4].isdigit() and text[4:5] == "-"
    if type_.category == "B":
        return text in {"true", "false", "t", "f"}
    return type_.category == "S" or (type_.name in {"json", "jsonb"} and text[:1] in {"{", "["})


def _near(type_: Type, column: Column, constants: list[str]) -> str:
    """SQL for values around the constants, now above, now below, ever further away; "" where that makes no sense."""
    if not constants:
        return ""
    count = len(constants)
    constant = f"({texts(constants)})[(g % {count} + 1)::int]"
    step = f"((g / {count}) % 20000) * (1 - 2 * ((g / {count}) % 2))"
    if type_.category == "N":
        most = _most(type_, column.modifier)
        value = f"{constant}::numeric + {step}"
        return value if most is None else f"least(greatest({value}, -{most}), {most})"
    known = _NEAR.get(type_.name)
    return f"{constant}::{known} + ({step}) * interval '97 minutes'" if known else ""
