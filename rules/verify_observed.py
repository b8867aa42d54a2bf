"""What a throw-away server shows of each statement while it runs: its locks, and the work under them."""

from __future__ import annotations

from elf_sqlcheck.rule import Example, Rule, Severity, found_elsewhere

_TABLE = (
    "CREATE TABLE teams (\n    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,\n    name TEXT NOT NULL,\n"
    "    created_at TIMESTAMP DEFAULT NOW()\n);"
)
#: Made from a text that is put together when it runs, so that lint cannot know what it says of itself.
_UNREADABLE = (
    "DO $$ DECLARE name TEXT;\nBEGIN\n    SELECT 'next_' || lower('RANK') INTO name;\n"
    "    EXECUTE format('CREATE FUNCTION %I() RETURNS INT LANGUAGE plpgsql AS %L', name, 'BEGIN RETURN 7; END');\n"
    "END $$;"
)
_READABLE = "CREATE FUNCTION next_rank() RETURNS INT LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN 7; END $$;"


def _example(up: str, before: str) -> Example:
    return Example(
        "-- Migration: Add Ranks\n-- Version: 20250102_000000\n-- Description: Who comes first\n\n"
        f"-- ============= UP MIGRATION =============\n{up}\n\n"
        "-- ============= DOWN MIGRATION ============\nALTER TABLE teams DROP COLUMN rank;\n",
        before=before,
    )


PREDICTION_DIFFERS = Rule(
    name="prediction-differs",
    family="verify",
    severity=Severity.NOTE,
    summary="Postgres takes another lock, or does other work, than lint predicts",
    why="Lint judges a statement by its text and the migrations before it. Here the server did something else, so what lint says of this statement, or its silence, is not to be relied on.",
    instead="Believe the server: judge the statement by the lock that it took and the rows that it wrote.",
    on=(),
    check=found_elsewhere,
    bad=(
        _example(
            "ALTER TABLE teams ADD COLUMN rank INT DEFAULT next_rank(); -- finding",
            f"{_TABLE}\n{_UNREADABLE}",
        ),
    ),
    good=(
        _example("ALTER TABLE teams ADD COLUMN rank INT DEFAULT next_rank();", f"{_TABLE}\n{_READABLE}"),
        _example("ALTER TABLE teams ADD COLUMN rank INT DEFAULT 7;", _TABLE),
    ),
)

RULES = (PREDICTION_DIFFERS,)
