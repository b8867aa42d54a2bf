"""The lint engine: migrations and rules in, findings out. It reads no file and prints nothing."""

from __future__ import annotations

from bisect import bisect_right
from functools import partial
from itertools import accumulate

from elf_sqlcheck import suppress
from elf_sqlcheck.asking import Wanted
from elf_sqlcheck.catalog.calls import Routines
from elf_sqlcheck.catalog.changes import CreateFunction
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.errors import CacheError, ElfError, RuleError
from elf_sqlcheck.model import Finding, Migration
from elf_sqlcheck.record import Record
from elf_sqlcheck.rule import Context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence
    from typing import Any

    from elf_sqlcheck.asking import Asked
    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.kept import History
    from elf_sqlcheck.catalog.schema import Schema
    from elf_sqlcheck.model import Section, Span
    from elf_sqlcheck.rule import Rule

#: So many files before those that are judged are folded anew rather than kept.
FEW = 24
DEFAULTS: Mapping[str, Any] = {"postgres-version": 17, "profile": ""}


class Result(Record):
    """What a run found: `findings` in the order of paths and places, those that a comment allows apart, and the
    migrations by the paths of their files, for the source lines that reports show. Places count from the beginning of
    the file that a finding names.
    """

    findings: tuple[Finding, ...]
    suppressed: tuple[Finding, ...]
    migrations: Mapping[str, Migration]


def lint(
    migrations: Sequence[Migration],
    rules: Iterable[Rule],
    settings: Mapping[str, Any] | None = None,
    judged: Container[str] | None = None,
    known: Iterable[str] = (),
    folder: str | None = None,
) -> Result:
    """Judge `migrations`, given in the order in which they are applied.

    Only those with a file in `judged` (default: all) are judged; those before them are folded into the schema, and
    those after the last of them are only there to be asked for. `known` are the names of rules that exist besides
    `rules`, for suppressions. The schema that those before the first one judged make may be kept, and taken from the
    last run, where the `folder` is told that they are in. Raises RuleError when a rule breaks.
    """
    rules = tuple(rules)
    asked = [number for number, migration in enumerate(migrations) if judged is None or _is_judged(migration, judged)]
    if folder is not None and asked and asked[0] > FEW:
        from elf_sqlcheck.catalog.kept import History

        try:
            return _lint(migrations, rules, settings, asked, known, History(folder, migrations, asked[0], FEW))
        except CacheError:  # it is not what was written: as if it had never been kept
            pass
    return _lint(migrations, rules, settings, asked, known)


def _lint(
    migrations: Sequence[Migration],
    rules: tuple[Rule, ...],
    settings: Mapping[str, Any] | None,
    asked: Sequence[int],
    known: Iterable[str],
    history: History | None = None,
) -> Result:
    engine = _Engine(migrations, rules, {**DEFAULTS, **(settings or {})}, frozenset(known))
    findings: list[Finding] = []
    allowed: list[Finding] = []
    chosen = frozenset(asked)
    last = asked[-1] + 1 if asked else 0
    verdicts: list[_Verdict] = []
    begin = 0
    if history is not None:
        engine.catalog, engine.routines = history.begin()
        begin = history.count
    for number in range(begin, last):
        migration = migrations[number]
        if history is not None and number == asked[0]:
            history.keep(engine.catalog, engine.routines)
        if number in chosen:
            verdicts.append(engine.judge(number, migration))
        else:
            engine.pass_over(migration)
    if any(verdict.doubts for verdict in verdicts):
        for migration in migrations[last:]:
            engine.pass_over(migration)
    for verdict in verdicts:
        migration = verdict.migration
        kept, suppressed = engine.settle(verdict)
        if migration.sealed:
            kept = [finding.replace(fix=None) for finding in kept]
        if migration.files:  # the one place where findings in a text of two files become findings in each
            kept, suppressed = [list(map(migration.located, found)) for found in (kept, suppressed)]
        findings += kept
        allowed += suppressed
    return Result(
        tuple(sorted(findings, key=_place)),
        tuple(sorted(allowed, key=_place)),
        {path: migration for migration in migrations for path in migration.paths},
    )


def _is_judged(migration: Migration, judged: Container[str]) -> bool:
    return migration.path in judged or any(path in judged for path, _ in migration.files)


def _place(finding: Finding) -> tuple[str, int, int, str]:
    span = finding.span
    return finding.path, span.start if span else -1, -int(finding.severity), finding.rule


class _Verdict(Record):
    """What the rules found in a migration, and what of it (`doubts`) the schema after the last file has to confirm.

    `inexact` are places of which the text is not known.
    """

    migration: Migration
    found: Sequence[Finding]
    doubts: Sequence[tuple[Finding, Callable[[Schema], bool]]]
    inexact: Sequence[Span]


class _Engine:
    """The catalog as it grows, and the rules by what they want to see."""

    __slots__ = (
        "by_name", "catalog", "first", "held", "known", "migrations", "routines", "settings", "wanted",
    )  # fmt: skip

    def __init__(
        self,
        migrations: Sequence[Migration],
        rules: tuple[Rule, ...],
        settings: Mapping[str, Any],
        known: frozenset[str],
    ) -> None:
        self.migrations = migrations
        self.settings = settings
        self.catalog = Catalog()
        self.routines = Routines()
        self.held: dict[tuple[str, frozenset[str]], bool] = {}
        self.first = True
        self.by_name = {rule.name: rule for rule in rules}
        self.known = known | self.by_name.keys()
        self.wanted = Wanted(rules)

    def pass_over(self, migration: Migration) -> None:
        """Fold a migration that is not judged."""
        self.catalog.begin()
        once = migration.read_once()
        self.catalog.apply_all(self.read(once.up, once))

    def read(self, section: Section | None, migration: Migration) -> list[Change]:
        """The changes of a section, with those of the functions that it calls."""
        return self.routines.read(section, migration.data)

    def judge(self, number: int, migration: Migration) -> _Verdict:
        """Fold a migration and ask the rules about it."""
        catalog = self.catalog
        up = self.read(migration.up, migration)
        down = self.read(migration.down, migration)
        catalog.begin()
        catalog.apply_all(up)
        catalog.apply_all(down)
        found: list[Finding] = []
        context: Context[Any] = Context()
        context.migration = migration
        context.settings = self.settings
        context.siblings = self.migrations
        context.number = number
        context.first, self.first = self.first, False
        context.doing = up
        context.undoing = down
        middle = len(up)
        context.doubts = []
        context.fork = partial(catalog.branch, middle)
        context.held = self.held
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
        return _Verdict(migration, found, context.doubts, inexact)

    def settle(self, verdict: _Verdict) -> tuple[list[Finding], list[Finding]]:
        """The findings that stay and those that are allowed, once all files are folded."""
        migration, found = verdict.migration, verdict.found
        if verdict.doubts:
            final = self.catalog.now
            dropped = {id(finding) for finding, holds in verdict.doubts if not holds(final)}
            found = [finding for finding in found if id(finding) not in dropped]
        if verdict.inexact:
            inexact = _Inexact(verdict.inexact)
            found = [finding.replace(fix=None) if inexact.holds(finding) else finding for finding in found]
        suppressions = suppress.read(migration)
        if not suppressions:
            return list(found), []
        return suppress.apply(migration, found, suppressions, self.by_name, self.known)

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
