"""What verify finds when it takes rollbacks, partial failures and second runs seriously.

`elf-sqlcheck verify` finds these; the rules here say what they are called, why they matter and what to do.
"""

from __future__ import annotations

from elf_sqlcheck.rule import Example, Rule, Severity, found_elsewhere

_HEAD = "-- Migration: Add Badges\n-- Version: 20250102_000000\n-- Description: Badges that teams earn\n{more}\n"
_MARKERS = ("-- ============= UP MIGRATION =============\n", "-- ============= DOWN MIGRATION ============\n")

_TEAMS = (
    "CREATE TABLE teams (\n    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,\n    name TEXT NOT NULL,\n"
    "    motto TEXT NOT NULL DEFAULT ''\n);"
)


def _file(up: str, down: str, more: str = "") -> str:
    return f"{_HEAD.format(more=more)}{_MARKERS[0]}{up}\n\n{_MARKERS[1]}{down}\n"


def _example(up: str, down: str, before: str = "", more: str = "", after: tuple[str, str] = ("", "")) -> Example:
    return Example(_file(up, down, more), before=before, after=_file(*after) if after[0] else "")


ROLLBACK_DIFFERS_HARMLESSLY = Rule(
    name="rollback-differs-harmlessly",
    family="verify",
    severity=Severity.NOTE,
    summary="after DOWN the schema is the same but for what no rollback can help",
    why="The order of columns, names that Postgres makes up and white space in bodies do not come back. Only code that relies on them could tell: INSERT without a list of columns, SELECT * into fixed places.",
    instead="Leave it as it is, unless something relies on it; then let the release do without the drop.",
    on=(),
    check=found_elsewhere,
    bad=(
        _example(
            "ALTER TABLE teams DROP COLUMN name; -- finding",
            "ALTER TABLE teams ADD COLUMN name TEXT NOT NULL DEFAULT '';\n"
            "ALTER TABLE teams ALTER COLUMN name DROP DEFAULT;",
            _TEAMS,
        ),
    ),
    good=(
        _example(
            "ALTER TABLE teams RENAME COLUMN name TO title;",
            "ALTER TABLE teams RENAME COLUMN title TO name;",
            _TEAMS,
        ),
    ),
)

PARTIAL_FAILURE_LEAVES_CHANGES = Rule(
    name="partial-failure-leaves-changes",
    family="verify",
    severity=Severity.ERROR,
    summary="UP is cut short and rolled back, and something stays",
    why="A release that loses its connection halfway is rolled back by Postgres, but sequences and what was done through another connection are not: the next try meets what no test has seen.",
    instead="Do it in a way that the transaction covers: ALTER SEQUENCE … RESTART WITH instead of setval, and nothing through another connection.",
    on=(),
    check=found_elsewhere,
    bad=(
        _example(
            "SELECT setval('badge_numbers', 1); -- finding\nCREATE TABLE badges (id UUID PRIMARY KEY);",
            "DROP TABLE badges;",
            "CREATE SEQUENCE badge_numbers;\nSELECT setval('badge_numbers', 500);",
        ),
    ),
    good=(
        _example(
            "ALTER SEQUENCE badge_numbers RESTART WITH 1;\nCREATE TABLE badges (id UUID PRIMARY KEY);",
            "DROP TABLE badges;",
            "CREATE SEQUENCE badge_numbers;\nSELECT setval('badge_numbers', 500);",
        ),
        _example(
            "INSERT INTO badges (name) VALUES ('gold');\nSELECT setval('badges_id_seq', 100);",
            "DELETE FROM badges WHERE name = 'gold';",
            "CREATE TABLE badges (id SERIAL PRIMARY KEY, name TEXT);",
        ),
    ),
)

DOES_NOT_RESUME = Rule(
    name="does-not-resume",
    family="verify",
    severity=Severity.ERROR,
    summary="UP is cut short between two statements, and cannot go on, or ends otherwise",
    why="What runs outside a transaction stays carried out when the release breaks off. elf-migrate goes on where it stopped, in a new session; if that fails, somebody has to finish it by hand, on production.",
    instead="Let each statement stand by itself: no temporary tables or settings that a later one needs, and a name for each index, so that an INVALID leftover is found and built anew.",
    on=(),
    check=found_elsewhere,
    bad=(
        _example(
            "CREATE TEMPORARY TABLE wanted AS SELECT 'Red' AS name;\n"
            "INSERT INTO teams (name) SELECT name FROM wanted; -- finding",
            "DELETE FROM teams;",
            _TEAMS,
            "-- Transaction: none\n",
        ),
        _example(
            "CREATE INDEX CONCURRENTLY ON teams (name); -- finding",
            "DROP INDEX CONCURRENTLY teams_name_idx;",
            _TEAMS,
            "-- Transaction: none\n",
        ),
    ),
    good=(
        _example(
            "SET lock_timeout = '5s';\nCREATE INDEX CONCURRENTLY idx_teams_name ON teams (name);\n"
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_teams_motto ON teams (motto);",
            "DROP INDEX CONCURRENTLY idx_teams_motto;\nDROP INDEX CONCURRENTLY idx_teams_name;",
            _TEAMS,
            "-- Transaction: none\n",
        ),
    ),
)

SECOND_RUN_CHANGES_SCHEMA = Rule(
    name="second-run-changes-schema",
    family="verify",
    severity=Severity.ERROR,
    summary="UP, run on top of itself, neither fails nor leaves everything as it is",
    why="Where a migration may run twice (a copied database, a lost history row, two tools), a second run that reports success and adds to the schema or the rows is noticed by nobody.",
    instead="Let the second run do nothing, or fail: name constraints and indexes, so that they cannot be added twice.",
    on=(),
    check=found_elsewhere,
    bad=(
        _example(
            "ALTER TABLE teams ADD CHECK (length(name) < 1000); -- finding",
            "ALTER TABLE teams DROP CONSTRAINT teams_name_check;",
            _TEAMS,
        ),
        _example("INSERT INTO teams (name) VALUES ('Red'); -- finding", "DELETE FROM teams;", _TEAMS),
    ),
    good=(
        _example(
            "ALTER TABLE teams ADD CONSTRAINT has_name CHECK (length(name) < 1000);",
            "ALTER TABLE teams DROP CONSTRAINT has_name;",
            _TEAMS,
        ),
        _example("CREATE TABLE IF NOT EXISTS badges (id UUID);", "DROP TABLE badges;", _TEAMS),
    ),
)

CHAIN_DOES_NOT_ROLL_BACK = Rule(
    name="chain-does-not-roll-back",
    family="verify",
    severity=Severity.ERROR,
    summary="walked down from the last migration, the chain breaks here, or leaves something",
    why="Several releases cannot be taken back in one go, though each of them can be alone.",
    instead="Let each DOWN undo its own UP and no more, so that the one below it finds the schema that it was written for.",
    on=(),
    check=found_elsewhere,
    bad=(
        _example(
            "CREATE TABLE badges (name TEXT);",
            "DROP TABLE badges; -- finding",
            after=("CREATE VIEW badge_names AS SELECT name FROM badges;", "-- DROP VIEW badge_names;"),
        ),
    ),
    good=(
        _example(
            "CREATE TABLE badges (name TEXT);",
            "DROP TABLE badges;",
            after=("CREATE VIEW badge_names AS SELECT name FROM badges;", "DROP VIEW badge_names;"),
        ),
    ),
)

CHAIN_DOES_NOT_REAPPLY = Rule(
    name="chain-does-not-reapply",
    family="verify",
    severity=Severity.ERROR,
    summary="walked down and up again, the chain fails here, or makes another schema than before",
    why="A database that was rolled back cannot be brought forward again: staging and production drift apart.",
    instead="Let UP need nothing but what the migrations before it make.",
    on=(),
    check=found_elsewhere,
    bad=(
        _example(
            "CREATE TABLE badges (name TEXT);\nCREATE INDEX idx_badges_name ON badges (name); -- finding",
            "DROP TABLE badges;",
            after=("ALTER TABLE badges RENAME TO medals;\nCREATE TABLE badges (id UUID);", "-- nothing"),
        ),
    ),
    good=(
        _example(
            "CREATE TABLE badges (name TEXT);\nCREATE INDEX idx_badges_name ON badges (name);",
            "DROP TABLE badges;",
            after=("ALTER TABLE badges RENAME TO medals;", "ALTER TABLE medals RENAME TO badges;"),
        ),
    ),
)

ROLLBACK_NEEDS_NEIGHBOUR = Rule(
    name="rollback-needs-neighbour",
    family="verify",
    severity=Severity.WARNING,
    summary="what DOWN leaves goes only with the rollback of an earlier migration",
    why="Taken back alone, this release leaves something; taken back together with those before it, it does not.",
    instead="Let the DOWN section undo all that UP does.",
    on=(),
    check=found_elsewhere,
    bad=(
        _example(
            "CREATE INDEX IF NOT EXISTS idx_teams_name ON teams (name); -- finding",
            "-- DROP TABLE teams takes it along",
            _file(_TEAMS, "DROP TABLE teams;"),
        ),
    ),
    good=(
        _example(
            "CREATE INDEX idx_teams_name ON teams (name);",
            "DROP INDEX idx_teams_name;",
            _file(_TEAMS, "DROP TABLE teams;"),
        ),
    ),
)

RULES = (
    ROLLBACK_DIFFERS_HARMLESSLY,
    ROLLBACK_NEEDS_NEIGHBOUR,
    PARTIAL_FAILURE_LEAVES_CHANGES,
    DOES_NOT_RESUME,
    SECOND_RUN_CHANGES_SCHEMA,
    CHAIN_DOES_NOT_ROLL_BACK,
    CHAIN_DOES_NOT_REAPPLY,
)
