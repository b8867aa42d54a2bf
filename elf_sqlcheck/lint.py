"""The lint engine: migrations and rules in, findings out. It reads no file and prints nothing."""

from __future__ import annotations

from elf_sqlcheck import suppress
from elf_sqlcheck.catalog.calls import Routines
from elf_sqlcheck.catalog.changes import CreateFunction
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.read import read_section
from elf_sqlcheck.errors import ElfError, RuleError
from elf_sqlcheck.model import Finding, Migration
from elf_sqlcheck.record import Record
from elf_sqlcheck.rule import Context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence
    from typing import Any

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.model import Section, Span
    from elf_sqlcheck.rule import Rule

DEFAULTS: Mapping[str, Any] = {"postgres-version": 17, "profile": ""}


class Result(Record):
    """What a run found: `findings` in the order of paths and places, those that a comment allows apart, and the
    migrations by path, for the source lines that reports show.
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
) -> Result:
    """Judge `migrations`, given in the order in which they are applied.

    Only those whose path is in `judged` (default: all) are judged; those before them are folded into the schema, and
    those after the last of them are only there to be asked for. `known` are the names of rules that exist besides
    `rules`, for suppressions. Raises RuleError when a rule breaks.
    """
    engine = _Engine(migrations, tuple(rules), {**DEFAULTS, **(settings or {})}, frozenset(known))
    findings: list[Finding] = []
    allowed: list[Finding] = []
    asked = [number for number, migration in enumerate(migrations) if judged is None or migration.path in judged]
    for number, migration in enumerate(migrations[: asked[-1] + 1] if asked else ()):
        if judged is not None and migration.path not in judged:
            engine.pass_over(migration)
            continue
        kept, suppressed = engine.judge(number, migration)
        findings += kept
        allowed += suppressed
    return Result(
        tuple(sorted(findings, key=_place)),
        tuple(sorted(allowed, key=_place)),
        {migration.path: migration for migration in migrations},
    )


def _place(finding: Finding) -> tuple[str, int, int, str]:
    span = finding.span
    return finding.path, span.start if span else -1, -int(finding.severity), finding.rule


class _Engine:
    """The catalog as it grows, and the rules by what they want to see."""

    __slots__ = (
        "by_name", "catalog", "first", "in_bodies", "known", "migrations", "on_change", "on_file", "routines",
        "settings",
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
        self.first = True
        self.by_name = {rule.name: rule for rule in rules}
        self.known = known | self.by_name.keys()
        self.on_file = [rule for rule in rules if Migration in rule.on]
        self.on_change: dict[str, dict[type, list[Rule]]] = {"up": {}, "down": {}}
        self.in_bodies: dict[str, dict[type, list[Rule]]] = {"up": {}, "down": {}}
        for rule in rules:
            for section in rule.sections:
                for kind in rule.on:
                    self.on_change[section].setdefault(kind, []).append(rule)
                    if rule.bodies:
                        self.in_bodies[section].setdefault(kind, []).append(rule)

    def pass_over(self, migration: Migration) -> None:
        """Fold a migration that is not judged."""
        self.catalog.begin()
        self.catalog.apply_all(self._read(migration.up, migration))

    def _read(self, section: Section | None, migration: Migration) -> list[Change]:
        return self.routines.follow(read_section(section, migration.data), migration.data)

    def judge(self, number: int, migration: Migration) -> tuple[list[Finding], list[Finding]]:
        """The findings of one migration that stay and those that are allowed."""
        catalog = self.catalog
        up = self._read(migration.up, migration)
        down = self._read(migration.down, migration)
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
        context.undoing = down
        middle = len(up)
        for section, changes, first in ((migration.up, up, 0), (migration.down, down, middle)):
            if section is not None and changes:
                context.before = catalog.view(first)
                context.after = catalog.view(first + len(changes))
                self._changes(context, section, changes, first, found)
        context.section = migration.up
        context.changes = up
        context.change = migration
        context.before = catalog.view(0)
        context.now = catalog.view(middle)
        context.after = catalog.view(middle + len(down))
        for rule in self.on_file:
            if not rule.layouts or migration.layout in rule.layouts:
                context.rule = rule
                _ask(rule, context, found)
        inexact = [c.statement.span for c in (*up, *down) if not c.statement.exact]
        if inexact:
            found = [_unfixable_within(finding, inexact) for finding in found]
        catalog.undo(middle)
        suppressions = suppress.read(migration)
        if not suppressions:
            return found, []
        return suppress.apply(migration, found, suppressions, self.by_name, self.known)

    def _changes(
        self, context: Context[Any], section: Section, changes: Sequence[Change], first: int, found: list[Finding]
    ) -> None:
        context.section = section
        context.changes = changes
        table = self.on_change[section.name]
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
            if kind is CreateFunction and change.statement.inside != "function":
                self._body(context, change, first + number, found)

    def _body(self, context: Context[Any], function: Change, position: int, found: list[Finding]) -> None:
        """Ask the rules that judge what a function does where it is written."""
        table = self.in_bodies[context.section.name]
        if not table:
            return
        from elf_sqlcheck.catalog.bodies import function_body

        context.now = self.catalog.view(position)
        for change in function_body(function, context.migration.data):  # type: ignore[arg-type]
            context.change = change
            for rule in table.get(type(change), ()):
                if not rule.layouts or context.migration.layout in rule.layouts:
                    context.rule = rule
                    asked = len(found)
                    _ask(rule, context, found)
                    if not change.statement.exact:
                        found[asked:] = [finding.replace(fix=None) for finding in found[asked:]]


def _unfixable_within(finding: Finding, inexact: Sequence[Span]) -> Finding:
    """The finding without a fix that would edit a text of which only the whole place is known."""
    edits = finding.fix.edits if finding.fix else ()
    inside = any(span.start <= edit.span.start <= edit.span.end <= span.end for edit in edits for span in inexact)
    return finding.replace(fix=None) if inside else finding


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
