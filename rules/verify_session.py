"""What a throw-away server shows of the session in which a migration ran."""

from __future__ import annotations

from elf_sqlcheck.rule import Example, Rule, Severity, found_elsewhere

_PATH = (
    "CREATE FUNCTION use_team(name TEXT) RETURNS void LANGUAGE plpgsql AS $$\n"
    "BEGIN\n    PERFORM set_config('search_path', name, false);\nEND $$;"
)
_TEAMS = "CREATE TABLE teams (id UUID PRIMARY KEY, name TEXT);"

LEAKS_SESSION_STATE = Rule(
    name="leaks-session-state",
    family="verify",
    severity=Severity.WARNING,
    summary="a migration leaves its session changed",
    why="elf-migrate resets the session after each section; psql and most runners do not, and a pooler hands it on to the application: what comes next finds other tables, acts as another role or waits for a lock that nobody gives back.",
    instead="Use the form that ends with the transaction, or take it back at the end of the section.",
    on=(),
    check=found_elsewhere,
    bad=(
        Example.reversible("SELECT use_team('marketing'); -- finding", "SELECT 1;", _PATH),
        Example.reversible(
            "CREATE TEMP TABLE red AS -- finding\n    SELECT id, name FROM teams WHERE name = 'Red';\n"
            "CREATE TABLE red_teams (id UUID PRIMARY KEY, name TEXT);\nINSERT INTO red_teams SELECT id, name FROM red;",
            "DROP TABLE red_teams;",
            _TEAMS,
        ),
        Example.reversible("SELECT 1;", "SELECT pg_advisory_lock(42); -- finding"),
        Example.reversible(
            "DO $$ -- finding\nBEGIN\n    EXECUTE 'SET ROLE ' || (SELECT 'pg_monitor');\nEND $$;", "SELECT 1;"
        ),
    ),
    good=(
        Example.reversible("SELECT use_team('marketing');\nRESET search_path;", "SELECT 1;", _PATH),
        Example.reversible(
            "CREATE TEMP TABLE red ON COMMIT DROP AS\n    SELECT id, name FROM teams WHERE name = 'Red';\n"
            "CREATE TABLE red_teams (id UUID PRIMARY KEY, name TEXT);\nINSERT INTO red_teams SELECT id, name FROM red;",
            "DROP TABLE red_teams;",
            _TEAMS,
        ),
        Example.reversible("SELECT pg_advisory_xact_lock(42);", "SELECT 1;"),
        Example.reversible("SET LOCAL ROLE pg_monitor;\nSET LOCAL search_path = public;\nSELECT 1;", "SELECT 1;"),
    ),
)

RULES = (LEAKS_SESSION_STATE,)
