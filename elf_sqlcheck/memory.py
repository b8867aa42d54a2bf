"""What was found in the migrations of a folder, kept for the next run: it judges those that have changed, and what
depends on them.

What is found in a migration depends on those before it, on the next one, and on what its rules asked about the others
(see `context.siblings`). So it is kept with what tells all migrations up to it, and with the answers to those
questions; what a later file may still bring (`Siblings.provided`) is asked of the schema each time. It is true of the
same rules with the same settings, of the same program.
"""

from __future__ import annotations

import os
import sys
from hashlib import blake2b

from elf_sqlcheck import cache, finding, model, sql
from elf_sqlcheck.catalog import entries, objects, parts
from elf_sqlcheck.context.survey import AHEAD, Survey
from elf_sqlcheck.errors import CacheError
from elf_sqlcheck.fingerprint import installation, told
from elf_sqlcheck.record import Record
from elf_sqlcheck.rule import are_ours
from elf_sqlcheck.stamps import Files, digest_in, digest_of
from elf_sqlcheck.suppress import Suppression

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from elf_sqlcheck.model import Finding, Migration
    from elf_sqlcheck.rule import Rule

    #: What was asked of later migrations, in order.
    Questions = tuple[tuple[str, ...], ...]

#: What a finding and the facts of a doubt may be made of.
_CLASSES = {
    name: found
    for module in (entries, objects, model, finding)
    for name, found in vars(module).items()
    if isinstance(found, type) and (issubclass(found, Record) or found.__module__ == finding.__name__)
}
#: Settings that tell the present branch from the main one: of these each migration has its own part.
_MAIN = ("main-added", "main-deleted", "main-files", "main-newest")
#: The fields of a memory as it is stored.
_FIELDS = ("signatures", "judged", "asked", "answers", "blocks", "settled")
#: Findings are read and written so many migrations at a time.
_BLOCK = 256


class Found(Record):
    """What the rules found in a migration.

    `kept` and `allowed` are the findings that stay and those that a comment allows, as they came out in the end. Where
    there are doubts, `raw` are all findings, and each doubt is the number of one of them, the name of the function that
    has to hold of the last schema, in the module of the rule, its facts, and whether it held; `inexact` and
    `suppressions` are those of the verdict.
    """

    kept: tuple[Finding, ...]
    allowed: tuple[Finding, ...]
    raw: tuple[Finding, ...] = ()
    doubts: tuple[tuple[int, str, tuple[Any, ...], bool], ...] = ()
    inexact: tuple[model.Span, ...] = ()
    suppressions: tuple[Suppression, ...] = ()


_CLASSES |= {"Found": Found, "Suppression": Suppression, "State": parts.State}


class Memory:
    """What is remembered of the `migrations` of a folder, of which the `files` are given.

    `asked` are the numbers of those that are to be judged, of which there is one at least. `signatures` tell each of
    the migrations. `start` is the number of the first one that has to be judged anew, or the one behind the last that
    is asked for; `settled` says that all doubts were settled with just these migrations, and
    `survey` goes on from what was asked before.
    """

    def __init__(
        self,
        folder: str,
        files: Mapping[str, bytes],
        migrations: Sequence[Migration],
        asked: Sequence[int],
        rules: Sequence[Rule],
        settings: Mapping[str, Any],
        known: frozenset[str],
    ) -> None:
        self.folder = folder
        self._files = files
        self._rules = {rule.name: rule for rule in rules}
        digest = digest_in(files)
        self.signatures = [told(migration, digest) for migration in migrations]
        self._marked = [*self.signatures]
        for number, mark in _marks(migrations, settings):
            self._marked[number] += mark
        place = "" if settings.get("main-deleted") or not are_ours(rules) else cache.place_of("verdicts", folder)
        self._path = os.path.join(place, _key(folder, rules, settings, known)) if place else ""
        self._migrations = migrations
        self._chosen = frozenset(asked)
        self._begin(asked)
        try:
            kept = cache.read(self._path, _CLASSES) if self._path else None
            if kept is not None:
                self._recall(dict(zip(_FIELDS, kept, strict=True)), asked)
        except (CacheError, TypeError, ValueError, AttributeError, KeyError, IndexError):
            self._begin(asked)

    def _begin(self, asked: Sequence[int]) -> None:
        """Begin with nothing that is remembered."""
        self._known: set[int] = set()
        #: What was found in so many migrations each, by the number of the block; those that are changed as they are.
        self._blocks: dict[int, bytes] = {}
        self._read: dict[int, dict[int, Found]] = {}
        self._written: set[int] = set()
        self._asked: dict[int, Questions] = {}
        #: The sets of questions, each once: pickles are then a tenth as large.
        self._sets: dict[Questions, Questions] = {}
        self.start = asked[0]
        self.settled = False
        self.survey = Survey(self._migrations)

    def _recall(self, kept: Mapping[str, Any], asked: Sequence[int]) -> None:
        old, new = kept["signatures"], self._marked
        same = next((n for n, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), None)
        if same is None:
            same = min(len(old), len(new))
        is_all = same == len(old) == len(new)
        self.settled = is_all and kept["settled"]
        limit = same
        self.survey = Survey(self._migrations, kept["answers"], same, is_all=is_all)
        asked_by: dict[int, Questions] = kept["asked"]
        if not is_all:
            limit = max(same - 1, 0)  # what is found in one may have to do with the next
            before = Survey((), kept["answers"], len(old), is_all=True)
            changed = {
                question
                for all_of in _each_once(all_of for number, all_of in asked_by.items() if number < limit)
                for question in all_of
                if question == AHEAD or before.answer(question) != self.survey.answer(question)
            }
            limit = min([limit, *(n for n, all_of in asked_by.items() if not changed.isdisjoint(all_of))])
        self._blocks = dict(kept["blocks"])
        self._known = {number for number in kept["judged"] if number < limit}
        self._asked = {number: all_of for number, all_of in asked_by.items() if number < limit}
        self._sets = {all_of: all_of for all_of in _each_once(self._asked.values())}
        self.start = next((number for number in asked if number not in self._known), asked[-1] + 1)

    def found(self) -> list[tuple[int, Found]]:
        """What was found in the migrations asked for that come before `start`, as far as there was anything."""
        chosen = self._chosen & {number for number in self._known if number < self.start}
        places = self._blocks.keys() & {number // _BLOCK for number in chosen}
        return [
            (number, found)
            for place in sorted(places)
            for number, found in sorted(self._block(place * _BLOCK).items())
            if number in chosen
        ]

    def _block(self, number: int) -> dict[int, Found]:
        place = number // _BLOCK
        block = self._read.get(place)
        if block is None:
            stored = self._blocks.get(place)
            block = self._read[place] = {} if stored is None else cache.unsealed(stored, _CLASSES)
        return block

    def learn(self, number: int, found: Found | None, asked: set[tuple[str, ...]]) -> None:
        """Note what was found in a migration, None for nothing at all."""
        self._known.add(number)
        block = self._block(number)
        self._written.add(number // _BLOCK)
        if found is None:
            block.pop(number, None)
        else:
            block[number] = found
        self._asked.pop(number, None)
        if asked:
            questions = tuple(sorted(asked))
            self._asked[number] = self._sets.setdefault(questions, questions)

    def questions(self, number: int) -> set[tuple[str, ...]]:
        """What was asked about later files when a migration was judged."""
        return set(self._asked.get(number, ()))

    def holds(self, doubtful: Finding, name: str) -> Callable[..., bool]:
        """The function of that name that has to hold for a finding. Raises CacheError when there is none."""
        rule = self._rules.get(doubtful.rule)
        found = getattr(sys.modules.get(rule.check.__module__), name, None) if rule is not None else None
        if found is None:
            raise CacheError(f"{doubtful.rule} has no {name}")
        function: Callable[..., bool] = found
        return function

    def keep(self, *, verdicts: bool) -> None:
        """Keep for the next run what the files are, and what was found in them, if the `verdicts` are worth it."""
        if isinstance(self._files, Files):
            self._files.keep()
        if self._path and verdicts:
            most = max(self._known, default=-1) // _BLOCK
            blocks = {place: stored for place, stored in self._blocks.items() if place <= most}
            blocks |= {place: cache.sealed(self._read[place]) for place in self._written}
            settled = self.settled or self._known <= self._chosen
            answers = {**self.survey.carried(), **self.survey.found}
            cache.write(self._path, (self._marked, self._known, self._asked, answers, blocks, settled))


def _each_once(several: Iterable[Questions]) -> list[Questions]:
    """The sets of questions, of which each is one object, however often it is asked."""
    return list({id(questions): questions for questions in several}.values())


def _marks(migrations: Sequence[Migration], settings: Mapping[str, Any]) -> list[tuple[int, bytes]]:
    """Of each migration of which the main branch has something to say, what that is."""
    added, files, newest = settings.get("main-added", ()), settings.get("main-files", {}), settings.get("main-newest")
    if not added and not files:
        return []
    marks = []
    for number, migration in enumerate(migrations):
        for path in migration.paths:
            if path in added:
                marks.append((number, b"\0added\0" + str(newest).encode("utf-8", "surrogateescape")))
            if path in files:
                marks.append((number, b"\0changed\0" + digest_of(files[path])))
    return marks


def _key(folder: str, rules: Sequence[Rule], settings: Mapping[str, Any], names: frozenset[str]) -> str:
    """What tells the rules, their settings and this program from others, and how files are named."""
    modules = {rule.check.__module__ for rule in rules}
    sources = sorted({path for module in modules if (path := getattr(sys.modules[module], "__file__", None))})
    looks = [(path, found.st_size, found.st_mtime_ns) for path in sources for found in (os.stat(path),)]
    chosen = [(rule.name, rule.severity.label) for rule in rules]
    said = _plain({name: value for name, value in settings.items() if name not in _MAIN})
    program = sys.hexversion, sql.parser_file(), installation("", "catalog", "context", "layouts")
    known = folder, program, looks, chosen, sorted(names), said
    return blake2b(repr(known).encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()


def _plain(value: Any) -> Any:
    """A value whose repr is the same in each run."""
    if isinstance(value, (set, frozenset)):
        return sorted(map(repr, value))
    if isinstance(value, dict):
        return sorted((repr(key), _plain(one)) for key, one in value.items())
    return value
