"""What a throw-away server shows when a migration is applied, rolled back and applied again.

`elf-sqlcheck verify` finds these; the rules here say what they are called, why they matter and what to do.
"""

from __future__ import annotations

from elf_sqlcheck.rule import Example, Rule, Severity, found_elsewhere

_HEAD = "-- Migration: Add Badges\n-- Version: 20250102_000000\n-- Description: Badges that teams earn\n{more}\n"
_MARKERS = ("-- ============= UP MIGRATION =============\n", "-- ============= DOWN MIGRATION ============\n")

_TEAMS = (
    "CREATE TABLE teams (\n    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,\n    name TEXT NOT NULL,\n"
    "    motto TEXT NOT NULL DEFAULT '',\n    created_at TIMESTAMP DEFAULT NOW()\n);"
)
_MOTTO_LAST = "CREATE TABLE teams (id UUID PRIMARY KEY, motto TEXT NOT NULL DEFAULT '');"
_TWO_OF_ONE_NAME = f"{_TEAMS}\nINSERT INTO teams (name) VALUES ('Red'), ('Red');"
_VIEW = f"{_TEAMS}\nCREATE VIEW team_names AS SELECT id, name FROM teams;"
_MOODS = "CREATE TYPE mood AS ENUM ('sad', 'happy');\nCREATE TABLE moods (now mood);"
_GREETING = "CREATE FUNCTION greeting() RETURNS TEXT LANGUAGE sql AS $$ SELECT 'Hello' $$;"
_RED = "INSERT INTO teams (id, name) VALUES ('6f1c0e0a-3c53-4b1e-9d55-0c8f6f0a1b2c', 'Red');"


def _file(up: str, down: str | None, more: str = "") -> str:
    below = "" if down is None else f"\n{_MARKERS[1]}{down}\n"
    return f"{_HEAD.format(more=more)}{_MARKERS[0]}{up}\n{below}"


def _example(up: str, down: str | None, before: str = "", more: str = "") -> Example:
    return Example(_file(up, down, more), before=before)


DOES_NOT_APPLY = Rule(
    name="does-not-apply",
    family="verify",
    severity=Severity.ERROR,
    summary="Postgres refuses a statement of UP",
    why="The release would stop here, and nothing after this migration would be deployed.",
    instead="Correct the statement that Postgres refuses; its own message says what it does not accept.",
    on=(),
    check=found_elsewhere,
    bad=(
        _example(
            "CREATE VIEW team_titles AS -- finding\n    SELECT id, title FROM teams;",
            "DROP VIEW team_titles;",
            _TEAMS,
        ),
        _example(
            "ALTER TABLE teams ADD CONSTRAINT uq_teams_name UNIQUE (name); -- finding",
            "ALTER TABLE teams DROP CONSTRAINT uq_teams_name;",
            _TWO_OF_ONE_NAME,
        ),
        _example(
            "ALTER TYPE mood ADD VALUE 'proud';\nINSERT INTO moods VALUES ('proud'); -- finding",
            None,
            _MOODS,
            "-- Irreversible: a label cannot be taken out of an enum\n",
        ),
    ),
    good=(
        _example("CREATE VIEW team_titles AS\n    SELECT id, name FROM teams;", "DROP VIEW team_titles;", _TEAMS),
        _example(
            "UPDATE teams SET name = name || ' ' || id;\nALTER TABLE teams ADD CONSTRAINT uq_teams_name UNIQUE (name);",
            None,
            _TWO_OF_ONE_NAME,
            "-- Irreversible: the names as they were are not kept\n",
        ),
    ),
)

DOES_NOT_ROLL_BACK = Rule(
    name="does-not-roll-back",
    family="verify",
    severity=Severity.ERROR,
    summary="Postgres refuses a statement of DOWN",
    why="When the release has to be taken back, this is found out at the worst moment.",
    instead="Let the DOWN section undo what UP did, the last statement first, under the names that UP gave.",
    on=(),
    check=found_elsewhere,
    bad=(
        _example(
            "CREATE TABLE badges (id UUID PRIMARY KEY);\nCREATE TABLE awards (badge_id UUID REFERENCES badges(id));",
            "DROP TABLE badges; -- finding\nDROP TABLE awards;",
        ),
        _example("CREATE TABLE badges (id UUID PRIMARY KEY);", "DROP TABLE badge; -- finding"),
        _example(
            "CREATE OR REPLACE VIEW team_names AS SELECT id, name, motto FROM teams;",
            "CREATE OR REPLACE VIEW team_names AS SELECT id, name FROM teams; -- finding",
            _VIEW,
        ),
    ),
    good=(
        _example(
            "CREATE TABLE badges (id UUID PRIMARY KEY);\nCREATE TABLE awards (badge_id UUID REFERENCES badges(id));",
            "DROP TABLE awards;\nDROP TABLE badges;",
        ),
        _example(
            "CREATE OR REPLACE VIEW team_names AS SELECT id, name, motto FROM teams;",
            "DROP VIEW team_names;\nCREATE VIEW team_names AS SELECT id, name FROM teams;",
            _VIEW,
        ),
    ),
)

ROLLBACK_LEAVES_BEHIND = Rule(
    name="rollback-leaves-behind",
    family="verify",
    severity=Severity.ERROR,
    summary="after DOWN something is there that was not there before UP",
    why="After a rollback the schema is not what it was: the next run meets what was left, and IF NOT EXISTS hides that it is not what the migration would make.",
    instead="Let the DOWN section drop it, in the reverse order of UP.",
    on=(),
    check=found_elsewhere,
    bad=(
        _example(
            "CREATE TYPE badge_level AS ENUM ('silver', 'gold'); -- finding\n"
            "CREATE TABLE badges (id UUID PRIMARY KEY, level badge_level);",
            "DROP TABLE badges;",
        ),
        _example(
            "CREATE TABLE badges (id UUID PRIMARY KEY);\n"
            "ALTER TABLE teams ADD COLUMN IF NOT EXISTS badge_count INT; -- finding",
            "DROP TABLE badges;",
            _TEAMS,
        ),
        _example(
            "ALTER TABLE teams ADD COLUMN badge_count INT;",
            "ALTER TABLE teams DROP COLUMN badge_count;\nCREATE INDEX idx_teams_name ON teams (name); -- finding",
            _TEAMS,
        ),
    ),
    good=(
        _example(
            "CREATE TYPE badge_level AS ENUM ('silver', 'gold');\n"
            "CREATE TABLE badges (id UUID PRIMARY KEY, level badge_level);",
            "DROP TABLE badges;\nDROP TYPE badge_level;",
        ),
        _example(
            "CREATE TABLE badges (id UUID PRIMARY KEY);\nCREATE INDEX idx_badges_id ON badges (id);",
            "DROP TABLE badges;",
        ),
    ),
)

ROLLBACK_DOES_NOT_RESTORE = Rule(
    name="rollback-does-not-restore",
    family="verify",
    severity=Severity.ERROR,
    summary="after DOWN something is gone, or not what it was before UP",
    why="After a rollback the schema is not what it was, so the release before this one no longer meets the database that it was written for.",
    instead="Let the DOWN section bring it back as it was; when that is impossible, say so in a header line `-- Irreversible: <reason>` instead of a DOWN section.",
    on=(),
    check=found_elsewhere,
    bad=(
        _example(
            "ALTER TABLE teams DROP COLUMN motto; -- finding",
            "ALTER TABLE teams ADD COLUMN motto TEXT;",
            _TEAMS,
        ),
        _example(
            "ALTER TABLE teams ADD COLUMN badge_count INT;",
            "ALTER TABLE teams DROP COLUMN badge_count;\nALTER TABLE teams ALTER COLUMN name DROP NOT NULL; -- finding",
            _TEAMS,
        ),
        _example(
            "CREATE TABLE badges (id UUID PRIMARY KEY);\n"
            "CREATE OR REPLACE FUNCTION greeting() RETURNS TEXT LANGUAGE sql AS $$ SELECT 'Hi' $$; -- finding",
            "DROP TABLE badges;",
            _GREETING,
        ),
    ),
    good=(
        _example(
            "ALTER TABLE teams ALTER COLUMN motto DROP DEFAULT;",
            "ALTER TABLE teams ALTER COLUMN motto SET DEFAULT '';",
            _TEAMS,
        ),
        _example("ALTER TABLE teams DROP COLUMN motto;", None, _TEAMS, "-- Irreversible: what it held is gone\n"),
    ),
)

DOES_NOT_APPLY_AGAIN = Rule(
    name="does-not-apply-again",
    family="verify",
    severity=Severity.ERROR,
    summary="after DOWN the migration fails, or makes something else than the first time",
    why="After a rollback the corrected migration cannot be deployed.",
    instead="Let the DOWN section undo all that UP does, so that UP meets the schema that it expects.",
    on=(),
    check=found_elsewhere,
    bad=(
        _example(
            f"CREATE TABLE badges (id UUID PRIMARY KEY);\n{_RED} -- finding",
            "DROP TABLE badges;",
            _TEAMS,
        ),
        _example(
            "CREATE TYPE badge_level AS ENUM ('silver', 'gold'); -- finding\n"
            "CREATE TABLE badges (id UUID PRIMARY KEY, level badge_level);",
            "DROP TABLE badges;",
        ),
    ),
    good=(
        _example(
            f"CREATE TABLE badges (id UUID PRIMARY KEY);\n{_RED}",
            "DELETE FROM teams WHERE id = '6f1c0e0a-3c53-4b1e-9d55-0c8f6f0a1b2c';\nDROP TABLE badges;",
            _TEAMS,
        ),
    ),
)

RULES = (
    DOES_NOT_APPLY,
    DOES_NOT_ROLL_BACK,
    ROLLBACK_LEAVES_BEHIND,
    ROLLBACK_DOES_NOT_RESTORE,
    DOES_NOT_APPLY_AGAIN,
)
