"""Checks that a rule's examples hold: the tests of the built-in rules, and for authors of further ones.

    from elf_sqlcheck.testing import assert_rule

    def test_my_rule() -> None:
        assert_rule(MY_RULE)

The ` -- finding` marks are taken out of an example before it is judged. A line that is nothing but the mark stands for
a finding about the file as a whole. SQL without a marker or header is wrapped into an elf file as its UP section.
"""

from __future__ import annotations

from os.path import basename

from elf_sqlcheck import fix, layouts, registry
from elf_sqlcheck.layouts import elf
from elf_sqlcheck.lint import lint
from elf_sqlcheck.model import Severity
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from elf_sqlcheck.model import Finding, Migration
    from elf_sqlcheck.rule import Example, Rule

MARK = "-- finding"
BEFORE = "migrations/20250101_000000_before.sql"
PATH = "migrations/20250102_000000_example.sql"
AFTER = "migrations/20250103_000000_after.sql"
_PASSES = 10


class Case(Record):
    """An example made into files: `text` is its own, without marks, `expected` the lines with a mark (0: the file)."""

    path: str
    text: str
    wrapped: bool
    expected: tuple[int, ...]
    before: str
    after: str

    @property
    def offset(self) -> int:
        """How many lines the wrapping puts above the example's first one."""
        return _wrap(self.path, "").count("\n") - 1 if self.wrapped else 0

    def migrations(self, text: str | None = None) -> list[Migration]:
        """The migrations of the example, or of another `text` in its place, in their order."""
        files = [(BEFORE, _whole(BEFORE, self.before))] if self.before else []
        text = self.text if text is None else text
        files.append((self.path, _wrap(self.path, text) if self.wrapped else text))
        files += [(AFTER, _whole(AFTER, self.after))] if self.after else []
        return [layouts.read(path, content.encode()) for path, content in files]

    def migration(self, text: str | None = None) -> Migration:
        """The example itself among its migrations."""
        return next(migration for migration in self.migrations(text) if migration.path == self.path)


def linted(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Those of `rules` that lint asks; the others find what only a server can show, and are proven there."""
    return tuple(rule for rule in rules if rule.on)


def case(example: Example) -> Case:
    """Read the marks of an example and say what its files are."""
    lines: list[str] = []
    expected: list[int] = []
    for line in example.sql.split("\n"):
        if line.strip() == MARK:
            expected.append(0)
            continue
        bare = line.rstrip().removesuffix(MARK).rstrip() if line.rstrip().endswith(MARK) else line
        lines.append(bare)
        if bare is not line:
            expected.append(len(lines))
    text = "\n".join(lines)
    path = example.path or PATH
    whole = bool(example.path) or elf.recognizes("", text.encode()) or text.startswith("-- Version:")
    return Case(path, text, not whole, tuple(expected), example.before, example.after)


def _whole(path: str, sql: str) -> str:
    """A neighbour of an example: what is a whole file already stays as it is."""
    return sql if elf.recognizes("", sql.encode()) else _wrap(path, sql)


def _wrap(path: str, sql: str) -> str:
    """An elf file whose UP section is `sql`; a header says why it has no DOWN section."""
    version = "_".join(basename(path).split("_")[:2])
    return (
        f"-- Migration: Example\n-- Version: {version}\n-- Description: An example\n-- Dependencies: []\n"
        f"-- Irreversible: an example\n\n-- ============= UP MIGRATION =============\n{sql}\n"
    )


def findings(rule: Rule, example: Example, text: str | None = None) -> list[Finding]:
    """What the rule alone finds in an example, or in another `text` in its place."""
    this = case(example)
    migrations = this.migrations(text)
    rule = rule.replace(severity=Severity.WARNING) if rule.severity is Severity.OFF else rule
    rules = [rule]
    if rule.family == "suppressions":  # they judge what other rules find
        rules += [other for other in registry.builtin() if other.name != rule.name]
    result = lint(migrations, rules, dict(example.settings), judged={this.path})
    return [finding for finding in result.findings if finding.rule == rule.name]


def lines(example: Example, found: list[Finding]) -> list[int]:
    """The lines of the example that findings point at; 0 for the file as a whole."""
    this = case(example)
    migration = this.migration()
    return sorted(migration.position(f.span.start)[0] - this.offset if f.span else 0 for f in found)


def fixed(rule: Rule, example: Example) -> str:
    """What `--fix` (`--unsafe-fixes` for an example marked so) makes of an example, wrapping left out."""
    this = case(example)
    allowed = fix.UNSAFE if example.unsafe else fix.SAFE
    text = this.text
    for _ in range(_PASSES):
        data = this.migration(text).data
        changed = fix.apply(data, findings(rule, example, text), allowed).data.decode()
        before, text = text, "\n".join(changed.split("\n")[this.offset :])[: -1 if this.wrapped else None]
        if text == before:
            break
    return text


def assert_rule(rule: Rule) -> None:
    """Check all examples of a rule; raises AssertionError naming the one that does not hold."""
    _require(bool(rule.bad), f"{rule.name} has no bad example")
    _require(bool(rule.good), f"{rule.name} has no good example")
    for example in rule.bad:
        assert_bad(rule, example)
    for example in rule.good:
        assert_good(rule, example)


def assert_good(rule: Rule, example: Example) -> None:
    """Check that the rule is silent on an example."""
    messages = [finding.message for finding in findings(rule, example)]
    _require(not messages, f"{rule.name} is not silent: {messages}\n{example.sql}")


def assert_bad(rule: Rule, example: Example) -> None:
    """Check that the rule finds exactly the marked lines, and that its fixes do what they promise."""
    this = case(example)
    found = findings(rule, example)
    marked, where = sorted(this.expected), lines(example, found)
    messages = [finding.message for finding in found]
    _require(bool(marked), f"no line is marked with {MARK}:\n{example.sql}")
    _require(sorted(set(where)) == marked, f"{rule.name} found lines {where}, not {marked}: {messages}\n{example.sql}")
    for finding in found:
        complete = bool(finding.message and finding.why and finding.instead)
        _require(complete, f"{rule.name} leaves out the message, the reason or the remedy: {finding}")
    result = fixed(rule, example)
    migration, original = this.migration(result), this.migration()
    parses = len(migration.broken) <= len(original.broken)
    _require(parses, f"the fix of {rule.name} does not parse:\n{result}")
    if example.fixed is not None:
        _require(result == example.fixed, f"{rule.name} is fixed to\n{result}\ninstead of\n{example.fixed}")
        left = [finding.message for finding in findings(rule, example, result)]
        _require(not left, f"{rule.name} still finds {left} in\n{result}")


def _require(holds: bool, complaint: str) -> None:
    if not holds:
        raise AssertionError(complaint)
