"""The rules asked about one migration after the other, while the schema grows."""

from __future__ import annotations

from bisect import bisect_right
from functools import partial
from itertools import accumulate

from elf_sqlcheck import suppress
from elf_sqlcheck.asking import Wanted
from elf_sqlcheck.catalog.calls import Routines
from elf_sqlcheck.catalog.changes import CreateFunction
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.context.survey import Survey
from elf_sqlcheck.errors import ElfError, RuleError
from elf_sqlcheck.model import Finding, Migration
from elf_sqlcheck.record import Record
from elf_sqlcheck.rule import Context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence
    from typing import Any

    from elf_sqlcheck.asking import Asked
    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.model import Section, Span
    from elf_sqlcheck.rule import Rule
    from elf_sqlcheck.suppress import Suppression


class Verdict(Record):
    """What the rules found in a migration, and what of it (`doubts`) the schema after the last file has to confirm: the
    finding, what has to hold, and the facts that this is given.

    `inexact` are places of which the text is not known. `asked` is what the rules asked about later files: see
    `context.siblings`. `suppressions` are the comments of the file that allow something.
    """

    migration: Migration
    found: Sequence[Finding]
    doubts: Sequence[tuple[Finding, Callable[..., bool], tuple[Any, ...]]]
    inexact: Sequence[Span]
    asked: set[tuple[str, ...]]
    suppressions: Sequence[Suppression]


class Engine:
    """The catalog as it grows, and the rules by what they want to see."""

    __slots__ = ("by_name", "catalog", "first", "known", "migrations", "routines", "settings", "survey", "wanted")

    def __init__(
        self,
        migrations: Sequence[Migration],
        rules: tuple[Rule, ...],
        settings: Mapping[str, Any],
        known: frozenset[str],
    ) -> None:
        self.migrations = migrations
        self.settings = settings
        self.survey = Survey(migrations)
        self.begin_anew()
        self.by_name = {rule.name: rule for rule in rules}
        self.known = known | self.by_name.keys()
        self.wanted = Wanted(rules)

    def begin_anew(self) -> None:
        """Forget what has been folded."""
        self.catalog = Catalog()
        self.routines = Routines()
        self.first = True

    def go(self, begin: int, end: int, judged: Container[int]) -> dict[int, Verdict]:
        """Go on with the migrations from `begin` on, of which some are judged; returns what was found, by number."""
        verdicts: dict[int, Verdict] = {}
        for number in range(begin, end):
            migration = self.migrations[number]
            if number in judged:
                verdicts[number] = self.judge(number, migration)
            else:
                self.pass_over(migration)
        return verdicts

    def finish(self, begin: int) -> None:
        """Fold what comes after the last migration that is judged."""
        for migration in self.migrations[begin:]:
            self.pass_over(migration)

    def pass_over(self, migration: Migration) -> None:
        """Fold a migration that is not judged."""
        self.catalog.begin()
        once = migration.read_once()
        self.catalog.apply_all(self.read(once.up, once))

    def read(self, section: Section | None, migration: Migration) -> list[Change]:
        """The changes of a section, with those of the functions that it calls."""
        return self.routines.read(section, migration.data)

    def judge(self, number: int, migration: Migration) -> Verdict:
        """Fold a migration and ask the rules about it; its statements are forgotten with what is returned."""
        catalog = self.catalog
        listed, migration = migration, migration.read_once()
        up = self.read(migration.up, migration)
        down = self.read(migration.down, migration)
        catalog.begin()
        catalog.apply_all(up)
        catalog.apply_all(down)
        found: list[Finding] = []
        context: Context[Any] = Context()
        context.migration = migration
        context.settings = self.settings
        context.run = self.migrations
        context.number = number
        context.survey = self.survey
        context.asked = set()
        context.first, self.first = self.first, False
        context.doing = up
        context.undoing = down
        middle = len(up)
        context.doubts = []
        context.fork = partial(catalog.branch, middle)
        inexact = [change.statement.span for change in (*up, *down) if not change.statement.exact]
        asked = self.wanted(migration, elsewhere=bool(inexact))
        for section, changes, first in ((migration.up, up, 0), (migration.down, down, middle)):
            if section is not None and changes:
                context.before = catalog.view(first)
                context.after = catalog.view(first + len(changes))
                self._changes(context, section, changes, first, asked, found)
        context.section = migration.up
        context.changes = up
        context.change = migration
        context.before = catalog.view(0)
        context.now = catalog.view(middle)
        context.after = catalog.view(middle + len(down))
        for rule in asked.on_file:
            if not rule.layouts or migration.layout in rule.layouts:
                context.rule = rule
                _ask(rule, context, found)
        catalog.undo(middle)
        return Verdict(listed, found, context.doubts, inexact, context.asked, suppress.read(migration))

    def answers(self, verdict: Verdict) -> list[bool]:
        """Of each doubt, whether the finding holds, once all files are folded."""
        final = self.catalog.now
        return [holds(final, *facts) for _, holds, facts in verdict.doubts]

    def settle(self, verdict: Verdict, answers: Sequence[bool]) -> tuple[list[Finding], list[Finding]]:
        """The findings that stay and those that are allowed, by the `answers` to the doubts."""
        migration, found = verdict.migration, list(verdict.found)
        if verdict.doubts:
            dropped = {id(doubt[0]) for doubt, holds in zip(verdict.doubts, answers, strict=True) if not holds}
            found = [finding for finding in found if id(finding) not in dropped]
        if verdict.inexact:
            inexact = _Inexact(verdict.inexact)
            found = [finding.replace(fix=None) if inexact.holds(finding) else finding for finding in found]
        allowed: list[Finding] = []
        if verdict.suppressions:
            found, allowed = suppress.apply(migration, found, [*verdict.suppressions], self.by_name, self.known)
        if migration.sealed:
            found = [finding.replace(fix=None) for finding in found]
        if migration.files:  # the one place where findings in a text of two files become findings in each
            return [migration.located(finding) for finding in found], [migration.located(f) for f in allowed]
        return found, allowed

    def _changes(
        self,
        context: Context[Any],
        section: Section,
        changes: Sequence[Change],
        first: int,
        asked: Asked,
        found: list[Finding],
    ) -> None:
        context.section = section
        context.changes = changes
        table, in_bodies = asked.on_change[section.name], asked.in_bodies[section.name]
        layout = context.migration.layout
        for number, change in enumerate(changes):
            kind = type(change)
            rules = table.get(kind)
            if rules:
                context.change = change
                context.now = self.catalog.view(first + number)
                called = change.statement.inside == "function"
                for rule in rules:
                    if (not rule.layouts or layout in rule.layouts) and not (called and rule.bodies):
                        context.rule = rule
                        _ask(rule, context, found)
            if kind is CreateFunction and in_bodies and change.statement.inside != "function":
                context.now = self.catalog.view(first + number)
                _ask_within(context, change, in_bodies, found)


def _ask_within(
    context: Context[Any], function: Any, table: Mapping[type, Sequence[Rule]], found: list[Finding]
) -> None:
    """Ask the rules that judge what a function does where it is written."""
    from elf_sqlcheck.catalog.bodies import function_body

    for change in function_body(function, context.migration.data):
        context.change = change
        for rule in table.get(type(change), ()):
            if not rule.layouts or context.migration.layout in rule.layouts:
                context.rule = rule
                before = len(found)
                _ask(rule, context, found)
                if not change.statement.exact:
                    found[before:] = [finding.replace(fix=None) for finding in found[before:]]


class _Inexact:
    """Places of texts of which nothing but the whole place is known."""

    __slots__ = ("ends", "starts")

    def __init__(self, spans: Iterable[Span]) -> None:
        ordered = sorted({(span.start, span.end) for span in spans})
        self.starts = [start for start, _ in ordered]
        #: Of each, the farthest end of it and all before it.
        self.ends = list(accumulate((end for _, end in ordered), max))

    def holds(self, finding: Finding) -> bool:
        """Whether the fix of a finding would edit one of them."""
        for edit in finding.fix.edits if finding.fix else ():
            number = bisect_right(self.starts, edit.span.start)
            if number and edit.span.end <= self.ends[number - 1]:
                return True
        return False


def _ask(rule: Rule, context: Context[Any], found: list[Finding]) -> None:
    try:
        found.extend(rule.check(context))
    except ElfError:
        raise
    except Exception as error:
        line = ""
        span = getattr(context.change, "span", None)
        if span is not None:
            line = f":{context.migration.position(span.start)[0]}"
        raise RuleError(
            f"the rule {rule.name} broke on {context.migration.path}{line}: {type(error).__name__}: {error}",
            "report it; until it is mended, run with `--ignore " + rule.name + "`",
        ) from error
