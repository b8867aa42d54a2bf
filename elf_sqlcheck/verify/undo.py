"""The statements that take differences back: what DOWN lacks, as far as snapshots and the changes of UP tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.catalog.objects import quoted
from elf_sqlcheck.postgres import definitions as made
from elf_sqlcheck.postgres import identity

if TYPE_CHECKING:
    from collections.abc import Callable

    from elf_sqlcheck.postgres.compare import Difference
    from elf_sqlcheck.postgres.snapshot import Snapshot

#: In which order kinds can be made; they are dropped the other way round.
_ORDER = (
    "schema", "extension", "enum", "domain", "range type", "type", "sequence", "function", "procedure", "aggregate",
    "table", "foreign table", "column", "constraint", "index", "view", "materialized view", "rule", "trigger",
    "policy", "publication", "event trigger", "privileges", "default privileges",
)  # fmt: skip


def undo(difference: Difference, before: Snapshot) -> str:
    """Statements that make the object again what it is in `before`; "" when none are known to.

    What a dropped table or column held is not brought back.
    """
    if difference.kind == "privileges":
        return _privileges(difference)
    if difference.change == "added":
        return made.drop(difference.key, difference.hangs_on)
    if difference.change == "removed":
        return made.create(difference.key, before) if difference.key in before.objects else ""
    if difference.attribute == "comment":
        return made.comment(difference.key, difference.before)
    if difference.attribute == "name":
        return _name(difference)
    alter = _ALTER.get((difference.kind, difference.attribute))
    if alter is not None:
        return alter(difference)
    if difference.kind in _ROUTINES and difference.attribute not in {"arguments", "result"}:
        return made.create(difference.key, before)
    if difference.kind in _REPLACED:
        again = made.create(difference.key, before)
        gone = made.drop(difference.key, difference.hangs_on)
        return f"{gone}\n{again}" if again and gone else ""
    return ""


def in_order(differences: list[Difference]) -> list[Difference]:
    """The differences as they can be taken back: drops from the outside inwards, then makes, then the rest."""
    ranks = {kind: number for number, kind in enumerate(_ORDER)}

    def rank(one: Difference) -> tuple[int, int]:
        place = ranks.get(one.kind, len(ranks))
        return {"added": (0, -place), "removed": (1, place)}.get(one.change, (2, place))

    return sorted(differences, key=rank)


def loses_rows(text: str) -> bool:
    """Whether the statements make what held rows anew: those are gone, whatever DOWN does."""
    return "ADD COLUMN" in text or "CREATE TABLE" in text


def _privileges(difference: Difference) -> str:
    if difference.change == "added":
        return made.grant(difference.identity, str(difference.after), revoke=True)
    if difference.change == "removed":
        return made.grant(difference.identity, str(difference.before))
    was, now = (_listed(value) for value in (difference.before, difference.after))
    more, less = ([one for one in one_way if one not in other] for one_way, other in ((now, was), (was, now)))
    texts = [made.grant(difference.identity, ", ".join(more), revoke=True)] if more else []
    texts += [made.grant(difference.identity, ", ".join(less))] if less else []
    return "" if "" in texts else "\n".join(texts)


def _listed(privileges: str | None) -> list[str]:
    return privileges.split(", ") if privileges and privileges != "none" else []


def _name(difference: Difference) -> str:
    if difference.kind == "constraint":
        table = identity.part(difference.identity)[1]
        return f"ALTER TABLE {table} RENAME CONSTRAINT {difference.after} TO {difference.before};"
    name = identity.names(difference.before)[-1] if difference.before else ""
    word = made.WORDS.get(difference.kind, "")
    return f"ALTER {word} {difference.after} RENAME TO {quoted(name)};" if word and name else ""


def _alter_column(words: Callable[[Difference, str], str]) -> Callable[[Difference], str]:
    def alter(difference: Difference) -> str:
        if not difference.hangs_on:
            return ""
        table = difference.hangs_on[0][1]
        action = words(difference, difference.identity[len(table) + 1 :])
        return f"ALTER TABLE {table} ALTER COLUMN {action};" if action else ""

    return alter


def _type(difference: Difference, name: str) -> str:
    return f"{name} TYPE {difference.before} USING {name}::{difference.before}"


def _default(difference: Difference, name: str) -> str:
    if not difference.before:
        return f"{name} DROP DEFAULT"
    return "" if "its own sequence" in difference.before else f"{name} SET DEFAULT {difference.before}"


def _not_null(difference: Difference, name: str) -> str:
    return f"{name} {'SET' if difference.before else 'DROP'} NOT NULL"


def _row_security(words: tuple[str, str]) -> Callable[[Difference], str]:
    return lambda one: f"ALTER TABLE {one.identity} {words[0] if one.before else words[1]} ROW LEVEL SECURITY;"


def _persistence(difference: Difference) -> str:
    return f"ALTER TABLE {difference.identity} SET {'UNLOGGED' if difference.before == 'unlogged' else 'LOGGED'};"


def _validated(difference: Difference) -> str:
    own, table = identity.part(difference.identity)
    return f"ALTER TABLE {table} VALIDATE CONSTRAINT {own};" if difference.before else ""


def _of_domain(difference: Difference) -> str:
    if difference.attribute == "not null":
        return f"ALTER DOMAIN {difference.identity} {'SET' if difference.before else 'DROP'} NOT NULL;"
    action = f"SET DEFAULT {difference.before}" if difference.before else "DROP DEFAULT"
    return f"ALTER DOMAIN {difference.identity} {action};"


def _enabled(difference: Difference) -> str:
    own, table = identity.part(difference.identity)
    words = {"yes": "ENABLE", "no": "DISABLE", "on replicas": "ENABLE REPLICA", "always": "ENABLE ALWAYS"}
    return f"ALTER TABLE {table} {words[difference.before]} TRIGGER {own};"


_ROUTINES = frozenset({"function", "procedure"})
#: What is dropped and made anew where no ALTER is known: nothing is lost with it.
_REPLACED = frozenset(
    {"constraint", "function", "index", "materialized view", "policy", "procedure", "rule", "trigger", "view"}
)
_ALTER: dict[tuple[str, str], Callable[[Difference], str]] = {
    ("column", "type"): _alter_column(_type),
    ("column", "default"): _alter_column(_default),
    ("column", "not null"): _alter_column(_not_null),
    ("table", "row level security"): _row_security(("ENABLE", "DISABLE")),
    ("table", "forced row level security"): _row_security(("FORCE", "NO FORCE")),
    ("table", "persistence"): _persistence,
    ("constraint", "validated"): _validated,
    ("domain", "default"): _of_domain,
    ("domain", "not null"): _of_domain,
    ("trigger", "enabled"): _enabled,
}
