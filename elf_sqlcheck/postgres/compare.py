"""Compare two snapshots: a list of named differences, and which of them matter."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from elf_sqlcheck.postgres.snapshot import Key, Snapshot

Change = Literal["added", "removed", "changed"]

#: Names that Postgres makes up when none is given. https://www.postgresql.org/docs/current/sql-createtable.html
_GENERATED = re.compile(r"_(pkey|key|fkey|check|excl|not_null|idx|seq)\d*\"?$")

#: A moment to the microsecond: what becomes of 'now'::timestamp in a definition. People do not write those.
_MOMENT = re.compile(r"'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3,6}(?:[+-]\d\d)?'")

#: Kinds that may come back under another generated name.
_NAMED_BY_POSTGRES = frozenset({"constraint", "index", "sequence"})

#: Longer values are shown by the first line that differs.
_LONG = 160

#: One token of SQL or PL/pgSQL: a comment or white space (group 1), else a quoted text or any character.
_TOKEN = re.compile(
    r"(--[^\n]*|/\*.*?\*/|\s+)|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|(\$\w*\$).*?\2|\w+|.",
    re.DOTALL,
)


@dataclass(frozen=True)
class Difference:
    """What one snapshot has and the other has not.

    `attribute`, `before` and `after` are set when `change` is "changed". `matters` is false for what no migration
    can be blamed for (`remark` says why): a report may show it, but nothing fails for it. `hangs_on` are the keys of
    what the object belongs to, innermost first: a constraint's table, then its schema.
    """

    kind: str
    identity: str
    change: Change
    attribute: str = ""
    before: Any = None
    after: Any = None
    matters: bool = True
    remark: str = ""
    hangs_on: tuple[Key, ...] = field(default=(), compare=False)

    @property
    def key(self) -> Key:
        """What names the object in a snapshot."""
        return self.kind, self.identity

    @property
    def aspect(self) -> tuple[str, str, str]:
        """What tells it from the other differences of two snapshots."""
        return self.kind, self.identity, self.attribute

    def describe(self) -> str:
        """Return the difference as a plain sentence; "was" is the first snapshot, "is" the second."""
        if self.kind.endswith("privileges"):
            before, after = self.before or "none", self.after or "none"
            sentence = f"{self.kind} of {self.identity} were {before} and are {after}."
        elif self.change == "added":
            sentence = f"{self.kind} {self.identity} is there and was not before."
        elif self.change == "removed":
            sentence = f"{self.kind} {self.identity} was there before and is not any more."
        else:
            sentence = f"{self.kind} {self.identity}: {_changed(self.attribute, self.before, self.after)}."
        return f"{sentence[0].upper()}{sentence[1:]} {self.remark}".rstrip()


def compare(before: Snapshot, after: Snapshot) -> list[Difference]:
    """Return how `after` differs from `before`: objects removed, added, then changed, each sorted by identity.

    An object that is added or removed is named alone, without what hangs on it. Column order does not matter: a column
    that is dropped and added again comes last, which no rollback can help.
    """
    keys = after.touched_since(before)
    there, here = before.objects, after.objects
    if keys is None:
        keys = list({**there, **here}) if (there, before.orders) != (here, after.orders) else []
    removed = [key for key in keys if key in there and key not in here and _is_outermost(key, before, after)]
    added = [key for key in keys if key in here and key not in there and _is_outermost(key, after, before)]
    differences = list(_renamed(before, after, removed, added))
    differences += [_lone(key, "removed", there[key]) for key in removed]
    differences += [_lone(key, "added", here[key]) for key in added]
    for key in keys:
        old, new = there.get(key), here.get(key)
        if old is not None and new is not None and new != old:
            differences += _attributes(key, old, new)
    differences += _reordered(before, after, keys)
    differences = [
        replace(one, hangs_on=tuple((before if one.key in before.objects else after).ancestors(one.key)))
        for one in differences
    ]
    order = {"removed": 0, "added": 1, "changed": 2}
    return sorted(differences, key=lambda one: (order[one.change], one.kind, one.identity, one.attribute))


def _is_outermost(key: Key, here: Snapshot, there: Snapshot) -> bool:
    return all(ancestor in there.objects for ancestor in here.ancestors(key))


def _renamed(before: Snapshot, after: Snapshot, removed: list[Key], added: list[Key]) -> Iterator[Difference]:
    """Pair what only changed its name; the pairs are taken out of `removed` and `added`."""
    for old in list(removed):
        if old[0] not in _NAMED_BY_POSTGRES:
            continue
        for new in added:
            same = new[0] == old[0] and before.parents.get(old) == after.parents.get(new)
            if same and before.parents.get(old) and before.objects[old] == after.objects[new]:
                removed.remove(old)
                added.remove(new)
                yield _of_name(old, new)
                break


def _of_name(old: Key, new: Key) -> Difference:
    was, now = (identity.split(" on ")[0] for _, identity in (old, new))
    generated = bool(_GENERATED.search(was) and _GENERATED.search(now))
    remark = "Both are names that Postgres makes up." if generated else ""
    return Difference(*old, "changed", "name", was, now, matters=not generated, remark=remark)


def _lone(key: Key, change: Change, attributes: dict[str, Any]) -> Difference:
    kind, identity = key
    if kind.endswith("privileges"):
        granted, default = attributes["granted"], attributes["by default"]
        if default != "none":
            values = (default, granted) if change == "added" else (granted, default)
            return Difference(kind, identity, "changed", "granted", *values)
        return Difference(kind, identity, change, **{"after" if change == "added" else "before": granted})
    if kind == "extension" and change == "added":
        remark = "An extension that stays behind does no harm, and others may use it by now."
        return Difference(kind, identity, change, matters=False, remark=remark)
    return Difference(kind, identity, change)


def _attributes(key: Key, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Difference]:
    for attribute in dict.fromkeys((*old, *new)):
        was, now = old.get(attribute), new.get(attribute)
        if was == now:
            continue
        if attribute == "body" and _tokens(was or "") == _tokens(now or ""):
            remark = "Only white space or comments differ."
            yield Difference(*key, "changed", attribute, was, now, matters=False, remark=remark)
        elif isinstance(was, str) and isinstance(now, str) and _MOMENT.sub("", was) == _MOMENT.sub("", now):
            remark = "It holds the moment at which it was made ('now' as a literal)."
            yield Difference(*key, "changed", attribute, was, now, matters=False, remark=remark)
        else:
            yield Difference(*key, "changed", attribute, was, now)


def _reordered(before: Snapshot, after: Snapshot, keys: Iterable[Key]) -> Iterator[Difference]:
    for key in keys:
        old, new = before.orders.get(key), after.orders.get(key)
        if old is None or new is None or old == new:
            continue
        was, now = ([column for column in one if column in other] for one, other in ((old, new), (new, old)))
        if was != now:
            remark = "A column that is dropped and added again comes last."
            yield Difference(*key, "changed", "column order", _own(key, was), _own(key, now), False, remark)


def _own(table: Key, columns: list[Key]) -> list[str]:
    return [identity[len(table[1]) + 1 :] for _, identity in columns]


def _tokens(body: str) -> list[str]:
    return [match[0] for match in _TOKEN.finditer(body) if match[1] is None]


def _changed(attribute: str, before: Any, after: Any) -> str:
    was, now = _shown(before), _shown(after)
    if "\n" in was + now or len(was) + len(now) > _LONG:
        for old, new in zip_longest(was.splitlines(), now.splitlines(), fillvalue="nothing"):
            if old != new:
                return f"{attribute} first differs where it was {old.strip()[:_LONG]} and is {new.strip()[:_LONG]}"
    return f"{attribute} was {was} and is {now}"


def _shown(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nothing"
    return str(value)
