"""The values of domains with conditions: a cast to such a domain fails on all others, so the server is asked before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.catalog.conditions import condition
from elf_sqlcheck.verify.ours import ask
from elf_sqlcheck.verify.rows.columns import candidates
from elf_sqlcheck.verify.rows.tables import Column
from elf_sqlcheck.verify.rows.values import texts, values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elf_sqlcheck.shared.database import SupabaseExecutor
    from elf_sqlcheck.verify.rows.tables import Type


def accepted(
    executor: SupabaseExecutor, column: Column, types: Mapping[int, Type], seed: int
) -> tuple[str, ...] | None:
    """Texts that the domain of the column accepts; None when its type has no conditions. Raises DatabaseError."""
    checks = _conditions(column.type, types)
    if not checks:
        return None
    base, modifier = _below(column.type, types)
    shown = ask(executor, "SELECT format_type(%s::oid, %s) AS shown", (base.oid, modifier))[0]["shown"]
    plain = Column(column.name, column.number, base.oid, modifier, shown, not_null=False)
    made = values(plain, types, seed, unique=False)
    if made is None:
        return ()
    about = [condition(check) for check in checks]
    constants = [text for one in about for found in one.constants.values() for text in found]
    patterns = [text for one in about for found in one.patterns.values() for text in found]
    offered = [*candidates(base, modifier, constants, patterns, seed), *made.edges]
    ordinary = made.ordinary.replace("{g}", "g")
    where = " AND ".join(f"({check}) IS NOT FALSE" for check in checks)
    # VALUE is no reserved word: in the conditions it is the column of that name.
    rows = executor.query(
        f"SELECT value::text AS value FROM (SELECT {ordinary} AS value FROM generate_series(1::bigint, 100) AS g "
        f"UNION ALL SELECT offered::{shown} FROM unnest({texts(offered)}) AS offered) AS made WHERE {where}"
    )
    return tuple(dict.fromkeys(row["value"] for row in rows))


def _conditions(oid: int, types: Mapping[int, Type]) -> tuple[str, ...]:
    """The conditions of a domain and of those that it is made of."""
    type_ = types.get(oid)
    return (*type_.checks, *_conditions(type_.base, types)) if type_ and type_.kind == "d" else ()


def _below(oid: int, types: Mapping[int, Type]) -> tuple[Type, int]:
    type_, modifier = types[oid], -1
    while type_.kind == "d":
        modifier = type_.modifier if type_.modifier >= 0 else modifier
        type_ = types[type_.base]
    return type_, modifier
