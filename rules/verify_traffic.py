"""What a throw-away server shows of an application that goes on working while a migration runs (`--traffic`)."""

from __future__ import annotations

from elf_sqlcheck.rule import Example, Rule, Severity, found_elsewhere

_TEAMS = "CREATE TABLE teams (id UUID DEFAULT gen_random_uuid() PRIMARY KEY, name TEXT);\nINSERT INTO teams (name) VALUES ('Red'), ('Blue');"
_OUTSIDE = (
    "-- Version: 20250102_000000\n-- Transaction: none\n\n-- ============= UP MIGRATION =============\n"
    "CREATE INDEX CONCURRENTLY idx_teams_name ON teams (name);\n\n-- ============= DOWN MIGRATION ============\n"
    "DROP INDEX CONCURRENTLY idx_teams_name;\n"
)

BLOCKS_TRAFFIC = Rule(
    name="blocks-traffic",
    family="verify",
    severity=Severity.WARNING,
    summary="reads or writes of other sessions wait while UP runs (with --traffic)",
    why="A lock is held until COMMIT, whatever took it: every query that needs it waits as long, and what queues behind that query waits, too. On the rows of production it is as long as the slowest statement that follows.",
    instead="Keep what follows the lock short, or use the form that needs a weaker one.",
    on=(),
    check=found_elsewhere,
    bad=(
        Example.reversible(
            "ALTER TABLE teams ADD COLUMN motto TEXT; -- finding\nUPDATE teams SET motto = name;",
            "ALTER TABLE teams DROP COLUMN motto;",
            _TEAMS,
        ),
        Example.reversible(
            "CREATE INDEX idx_teams_name ON teams (name); -- finding", "DROP INDEX idx_teams_name;", _TEAMS
        ),
        Example.reversible("UPDATE teams SET name = upper(name); -- finding", "SELECT 1;", _TEAMS),
        Example.reversible(
            "CREATE TABLE badges (id UUID PRIMARY KEY, team_id UUID);\n"
            "ALTER TABLE badges ADD FOREIGN KEY (team_id) REFERENCES teams (id); -- finding",
            "DROP TABLE badges;",
            _TEAMS,
        ),
    ),
    good=(
        Example(_OUTSIDE, before=_TEAMS),
        Example.reversible(
            "CREATE TABLE badges (id UUID PRIMARY KEY);\nCREATE INDEX idx_badges_id ON badges (id);",
            "DROP TABLE badges;",
            _TEAMS,
        ),
        Example.reversible("INSERT INTO teams (name) VALUES ('Green');", "SELECT 1;", _TEAMS),
    ),
)

RULES = (BLOCKS_TRAFFIC,)
