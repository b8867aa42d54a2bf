"""Which rules are asked about a file."""

from __future__ import annotations

from elf_sqlcheck.model import Migration
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from elf_sqlcheck.rule import Rule


class Asked(Record):
    """The rules that are asked about a file: `on_file` about all of it, `on_change` by section and class of change,
    `in_bodies` those of them that judge what a function does where it is written.
    """

    on_file: Sequence[Rule]
    on_change: Mapping[str, Mapping[type, Sequence[Rule]]]
    in_bodies: Mapping[str, Mapping[type, Sequence[Rule]]]


class Wanted:
    """Which rules are asked about a file, by the words in it: most rules cannot find anything in most files."""

    __slots__ = ("asked", "rules", "words")

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self.words = tuple(sorted({word for rule in self.rules for word in rule.words}))
        self.asked: dict[tuple[bool, ...], Asked] = {}

    def __call__(self, migration: Migration, *, elsewhere: bool) -> Asked:
        """The rules for a file, by the words from its first statement on; all when some of its changes are `elsewhere`
        than in its text: in another file, or in texts that EXECUTE puts together.
        """
        starts = [s.statements[0].span.start for s in migration.sections if s.statements]
        text = (
            migration.data[0 if migration.broken or not starts else min(starts) :].lower().decode("latin-1")
        )  # looking for a word in a str costs less than in bytes
        escaped = elsewhere or "u&" in text  # names may then be written in code points
        held = tuple([word in text or escaped for word in self.words])
        asked = self.asked.get(held)
        if asked is None:
            there = {word for word, found in zip(self.words, held, strict=True) if found}
            asked = self.asked[held] = _asked(r for r in self.rules if not r.words or not there.isdisjoint(r.words))
        return asked


def _asked(rules: Iterable[Rule]) -> Asked:
    on_file: list[Rule] = []
    on_change: dict[str, dict[type, list[Rule]]] = {"up": {}, "down": {}}
    in_bodies: dict[str, dict[type, list[Rule]]] = {"up": {}, "down": {}}
    for rule in rules:
        if Migration in rule.on:
            on_file.append(rule)
        for section in rule.sections:
            for kind in rule.on:
                on_change[section].setdefault(kind, []).append(rule)
                if rule.bodies:
                    in_bodies[section].setdefault(kind, []).append(rule)
    return Asked(on_file, on_change, in_bodies)
