"""The lint engine: migrations and rules in, findings out. It reads no file and prints nothing."""

from __future__ import annotations

from elf_sqlcheck import suppress
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
    from elf_sqlcheck.model import Section
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


class _Asked(Record):
    """The rules that are asked about a file: `on_file` about all of it, `on_change` by section and class of change."""

    on_file: Sequence[Rule]
    on_change: Mapping[str, Mapping[type, Sequence[Rule]]]


class _Wanted:
    """Which rules are asked about a file, by the words in it: most rules cannot find anything in most files."""

    __slots__ = ("asked", "rules", "words")

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self.words = tuple(sorted({word for rule in self.rules for word in rule.words}))
        self.asked: dict[tuple[bool, ...], _Asked] = {}

    def __call__(self, migration: Migration) -> _Asked:
        """The rules for a file, by the words from its first statement on."""
        starts = [s.statements[0].span.start for s in (migration.up, migration.down) if s and s.statements]
        text = (
            migration.data[0 if migration.broken or not starts else min(starts) :].lower().decode("latin-1")
        )  # looking for a word in a str costs less than in bytes
        escaped = "u&" in text  # names may then be written in code points
        held = tuple([word in text or escaped for word in self.words])
        asked = self.asked.get(held)
        if asked is None:
            there = {word for word, found in zip(self.words, held, strict=True) if found}
            asked = self.asked[held] = _asked(r for r in self.rules if not r.words or not there.isdisjoint(r.words))
        return asked


def _asked(rules: Iterable[Rule]) -> _Asked:
    on_file: list[Rule] = []
    on_change: dict[str, dict[type, list[Rule]]] = {"up": {}, "down": {}}
    for rule in rules:
        if Migration in rule.on:
            on_file.append(rule)
        for section in rule.sections:
            for kind in rule.on:
                on_change[section].setdefault(kind, []).append(rule)
    return _Asked(on_file, on_change)


class _Engine:
    """The catalog as it grows, and the rules by what they want to see."""

    __slots__ = ("by_name", "catalog", "first", "known", "migrations", "settings", "wanted")

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
        self.first = True
        self.by_name = {rule.name: rule for rule in rules}
        self.known = known | self.by_name.keys()
        self.wanted = _Wanted(rules)

    def pass_over(self, migration: Migration) -> None:
        """Fold a migration that is not judged."""
        self.catalog.begin()
        self.catalog.apply_all(read_section(migration.up, migration.data))

    def judge(self, number: int, migration: Migration) -> tuple[list[Finding], list[Finding]]:
        """The findings of one migration that stay and those that are allowed."""
        catalog = self.catalog
        up = read_section(migration.up, migration.data)
        down = read_section(migration.down, migration.data)
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
        asked = self.wanted(migration)
        for section, changes, first in ((migration.up, up, 0), (migration.down, down, middle)):
            if section is not None and changes:
                context.before = catalog.view(first)
                context.after = catalog.view(first + len(changes))
                self._changes(context, section, changes, first, asked.on_change[section.name], found)
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
        suppressions = suppress.read(migration)
        if not suppressions:
            return found, []
        return suppress.apply(migration, found, suppressions, self.by_name, self.known)

    def _changes(
        self,
        context: Context[Any],
        section: Section,
        changes: Sequence[Change],
        first: int,
        table: Mapping[type, Sequence[Rule]],
        found: list[Finding],
    ) -> None:
        context.section = section
        context.changes = changes
        layout = context.migration.layout
        for number, change in enumerate(changes):
            rules = table.get(type(change))
            if not rules:
                continue
            context.change = change
            context.now = self.catalog.view(first + number)
            for rule in rules:
                if not rule.layouts or layout in rule.layouts:
                    context.rule = rule
                    _ask(rule, context, found)


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
