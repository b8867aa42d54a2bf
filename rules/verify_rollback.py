"""What verify finds when it takes rollbacks, partial failures and second runs seriously.

`elf-sqlcheck verify` finds these; the rules here say what they are called, why they matter and what to do.
"""

from __future__ import annotations

from elf_sqlcheck.rule import Context, Example, Finding, Migration, Rule, Severity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = "-- Migration: Add Badges\n-- Version: 20250102_000000\n-- Description: Badges that teams earn\n{more}\n"
_MARKERS = ("-- ============= UP MIGRATION =============\n", "-- ============= DOWN MIGRATION ============\n")

_TEAMS = (
    "CREATE TABLE teams (\n    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,\n    name TEXT NOT NULL,\n"
    "    motto TEXT NOT NULL DEFAULT ''\n);"
)


def _example(up: str, down: str | None, before: str = "", more: str = "") -> Example:
    below = "" if down is None else f"\n{_MARKERS[1]}{down}\n"
    return Example(f"{_HEAD.format(more=more)}{_MARKERS[0]}{up}\n{below}", before=before)


def _found_on_a_server(_context: Context[Migration]) -> Iterator[Finding]:
    return iter(())


ROLLBACK_DIFFERS_HARMLESSLY = Rule(
    name="rollback-differs-harmlessly",
    family="verify",
    severity=Severity.NOTE,
    summary="after DOWN the schema is the same but for what no rollback can help",
    why="The order of columns, names that Postgres makes up and white space in bodies do not come back. Only code that relies on them could tell: INSERT without a list of columns, SELECT * into fixed places.",
    instead="Leave it as it is, unless something relies on it; then let the release do without the drop.",
    on=(),
    check=_found_on_a_server,
    bad=(
        _example(
            "ALTER TABLE teams DROP COLUMN name; -- finding",
            "ALTER TABLE teams ADD COLUMN name TEXT NOT NULL;",
            _TEAMS,
        ),
    ),
    good=(
        _example(
            "ALTER TABLE teams DROP COLUMN motto;",
            "ALTER TABLE teams ADD COLUMN motto TEXT NOT NULL DEFAULT '';",
            _TEAMS,
        ),
    ),
)

RULES = (ROLLBACK_DIFFERS_HARMLESSLY,)
