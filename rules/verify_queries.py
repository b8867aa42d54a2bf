"""What a throw-away server says to an application's queries before and after a migration (`--queries`)."""

from __future__ import annotations

from elf_sqlcheck.rule import Example, Rule, Severity, found_elsewhere

_TEAMS = "CREATE TABLE teams (\n    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,\n    name TEXT NOT NULL UNIQUE,\n    members INT\n);"

BREAKS_QUERIES = Rule(
    name="breaks-queries",
    family="verify",
    severity=Severity.ERROR,
    summary="a query of the application works before a migration, and not after it (with --queries)",
    why="While a release is rolled out, and after it is rolled back, code of the one before it runs on this schema: each of its requests that sends such a query fails.",
    instead="Expand first and contract later: add the new form beside the old one, release code that uses it, and take the old one away in a later migration.",
    on=(),
    check=found_elsewhere,
    bad=(
        Example.reversible(
            "ALTER TABLE teams ADD COLUMN motto TEXT;\nALTER TABLE teams RENAME COLUMN name TO title; -- finding",
            "ALTER TABLE teams RENAME COLUMN title TO name;\nALTER TABLE teams DROP COLUMN motto;",
            _TEAMS,
        ),
        Example.reversible(
            "ALTER TABLE teams DROP CONSTRAINT teams_name_key; -- finding",
            "ALTER TABLE teams ADD CONSTRAINT teams_name_key UNIQUE (name);",
            _TEAMS,
        ),
        Example.reversible(
            "ALTER TABLE teams ADD COLUMN motto TEXT;", "ALTER TABLE teams DROP COLUMN members; -- finding", _TEAMS
        ),
    ),
    good=(
        Example.reversible(
            "ALTER TABLE teams ADD COLUMN title TEXT;\nUPDATE teams SET title = name;",
            "ALTER TABLE teams DROP COLUMN title;",
            _TEAMS,
        ),
        Example.reversible(
            "ALTER TABLE teams RENAME TO groups;\nCREATE VIEW teams AS SELECT * FROM groups;",
            "DROP VIEW teams;\nALTER TABLE groups RENAME TO teams;",
            _TEAMS.replace(" UNIQUE", ""),
        ),
    ),
)

CHANGES_QUERY_RESULTS = Rule(
    name="changes-query-results",
    family="verify",
    severity=Severity.WARNING,
    summary="a query of the application returns other columns after a migration (with --queries)",
    why='Code that was generated for the old columns reads the wrong thing or fails, and what open connections have prepared fails with "cached plan must not change result type".',
    instead="Add a column of the new type beside the old one, let the code change over, and drop the old one in a later migration.",
    on=(),
    check=found_elsewhere,
    bad=(
        Example.reversible(
            "CREATE INDEX idx_teams_members ON teams (members);\n"
            "ALTER TABLE teams ALTER COLUMN members TYPE BIGINT; -- finding",
            "ALTER TABLE teams ALTER COLUMN members TYPE INT;\nDROP INDEX idx_teams_members;",
            _TEAMS,
        ),
        Example.reversible(
            "ALTER TABLE teams DROP COLUMN members; -- finding", "ALTER TABLE teams ADD COLUMN members INT;", _TEAMS
        ),
    ),
    good=(
        Example.reversible(
            "ALTER TABLE teams ADD COLUMN members_big BIGINT;", "ALTER TABLE teams DROP COLUMN members_big;", _TEAMS
        ),
    ),
)

RULES = (BREAKS_QUERIES, CHANGES_QUERY_RESULTS)
