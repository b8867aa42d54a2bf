"""What full tables show: migrations that fail on rows, and rollbacks that lose what rows held."""

from __future__ import annotations

from elf_sqlcheck.rule import Example, Rule, Severity, found_elsewhere

_FILE = (
    "-- Migration: Add Badges\n-- Version: 20250102_000000\n-- Description: Badges that teams earn\n\n"
    "-- ============= UP MIGRATION =============\n{up}\n\n-- ============= DOWN MIGRATION ============\n{down}\n"
)
_TEAMS = (
    "CREATE TABLE teams (\n    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,\n    name TEXT NOT NULL,\n"
    "    size INT,\n    created_at TIMESTAMP DEFAULT NOW(),\n    motto TEXT\n);"
)


def _example(up: str, down: str, before: str = _TEAMS) -> Example:
    return Example(_FILE.format(up=up, down=down), before=before)


FAILS_ON_ROWS = Rule(
    name="fails-on-rows",
    family="verify",
    severity=Severity.ERROR,
    summary="UP passes on an empty table and fails on any other",
    why="It passes wherever nobody has data: on every developer's machine, in CI. Production has rows, and the release stops there.",
    instead="Add the column with a DEFAULT, or add it without NOT NULL, fill it, and SET NOT NULL when all rows have a value.",
    on=(),
    check=found_elsewhere,
    bad=(
        _example(
            "ALTER TABLE teams ADD COLUMN badge_count INT NOT NULL; -- finding",
            "ALTER TABLE teams DROP COLUMN badge_count;",
        ),
        _example(
            "ALTER TABLE teams ADD COLUMN badge_count INT DEFAULT 0;\n"
            "ALTER TABLE teams ADD CONSTRAINT some_badges CHECK (badge_count > 0); -- finding",
            "ALTER TABLE teams DROP COLUMN badge_count;",
        ),
    ),
    good=(
        _example(
            "ALTER TABLE teams ADD COLUMN badge_count INT NOT NULL DEFAULT 0;",
            "ALTER TABLE teams DROP COLUMN badge_count;",
        ),
        _example(
            "ALTER TABLE teams ADD COLUMN badge_count INT;\nUPDATE teams SET badge_count = length(name);\n"
            "ALTER TABLE teams ALTER COLUMN badge_count SET NOT NULL;",
            "ALTER TABLE teams DROP COLUMN badge_count;",
        ),
    ),
)

FAILS_ON_EDGE_ROWS = Rule(
    name="fails-on-edge-rows",
    family="verify",
    severity=Severity.WARNING,
    summary="UP fails on a row that the table may hold",
    why="The columns allow values that the migration cannot stand: NULLs, duplicates, texts that are no numbers. When production holds one such row, the release stops there.",
    instead="Correct such rows first, in the same migration or one before it; or prove that there are none: `--sample FILE` tries the migration on rows of your own.",
    on=(),
    check=found_elsewhere,
    bad=(
        _example(
            "ALTER TABLE teams ALTER COLUMN motto SET NOT NULL; -- finding",
            "ALTER TABLE teams ALTER COLUMN motto DROP NOT NULL;",
        ),
        _example(
            "ALTER TABLE teams ALTER COLUMN name TYPE INT USING name::int; -- finding",
            "ALTER TABLE teams ALTER COLUMN name TYPE TEXT;",
        ),
        _example(
            "ALTER TABLE teams ADD CONSTRAINT unique_teams_motto UNIQUE (motto); -- finding",
            "ALTER TABLE teams DROP CONSTRAINT unique_teams_motto;",
        ),
    ),
    good=(
        _example(
            "UPDATE teams SET motto = '' WHERE motto IS NULL;\nALTER TABLE teams ALTER COLUMN motto SET NOT NULL;",
            "ALTER TABLE teams ALTER COLUMN motto DROP NOT NULL;",
        ),
        _example("ALTER TABLE teams ALTER COLUMN size TYPE BIGINT;", "ALTER TABLE teams ALTER COLUMN size TYPE INT;"),
    ),
)

ROUND_TRIP_LOSES_DATA = Rule(
    name="round-trip-loses-data",
    family="verify",
    severity=Severity.WARNING,
    summary="after UP and DOWN rows are gone, or hold other values",
    why="The schema comes back, what the rows held does not: rolling back a release would lose data of the users.",
    instead="Keep what was there until nobody can want it back (rename the column, copy the rows into another table), and let DOWN put it back; or say in a header line `-- Irreversible: <reason>` that nothing can.",
    on=(),
    check=found_elsewhere,
    bad=(
        _example("ALTER TABLE teams DROP COLUMN motto; -- finding", "ALTER TABLE teams ADD COLUMN motto TEXT;"),
        _example("DELETE FROM teams WHERE size IS NULL; -- finding", "SELECT 1;"),
        _example(
            "ALTER TABLE teams ALTER COLUMN created_at TYPE DATE; -- finding",
            "ALTER TABLE teams ALTER COLUMN created_at TYPE TIMESTAMP;",
        ),
    ),
    good=(
        _example(
            "ALTER TABLE teams RENAME COLUMN motto TO old_motto;",
            "ALTER TABLE teams RENAME COLUMN old_motto TO motto;",
        ),
        _example(
            "CREATE TABLE mottos AS SELECT id, motto FROM teams;\nALTER TABLE teams DROP COLUMN motto;",
            "ALTER TABLE teams ADD COLUMN motto TEXT;\n"
            "UPDATE teams SET motto = mottos.motto FROM mottos WHERE mottos.id = teams.id;\nDROP TABLE mottos;",
        ),
    ),
)

RULES = (FAILS_ON_ROWS, FAILS_ON_EDGE_ROWS, ROUND_TRIP_LOSES_DATA)
