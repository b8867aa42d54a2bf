"""What strangers and other users can do through a Supabase API with what a migration has made.

`elf-sqlcheck verify` asks the tables as `anon` and as a user who has signed in; these rules say what that means.
"""

from __future__ import annotations

from elf_sqlcheck.rule import Example, Rule, Severity, found_elsewhere

_HEAD = "-- Migration: Add Notes\n-- Version: 20250102_000000\n-- Description: Notes that users write\n\n"
_UP, _DOWN = "-- ============= UP MIGRATION =============\n", "-- ============= DOWN MIGRATION ============\n"

_NOTES = "CREATE TABLE notes (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid NOT NULL REFERENCES auth.users, body text NOT NULL);"
_ON = "ALTER TABLE notes ENABLE ROW LEVEL SECURITY;"
_OPEN = "GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO anon, authenticated;"
_OWN = "CREATE POLICY own ON notes TO authenticated USING ((SELECT auth.uid()) = user_id);"
_BEFORE = f"{_NOTES}\n{_ON}\n{_OPEN}\n{_OWN}"


def _example(up: str, down: str, before: str = "") -> Example:
    return Example(f"{_HEAD}{_UP}{up}\n\n{_DOWN}{down}\n", before=before)


# fmt: off
RULES = (
    Rule(
        name="anon-can-write", family="verify", severity=Severity.ERROR, on=(), check=found_elsewhere, profile="supabase",
        summary="`anon` added, changed or deleted rows when verify tried it",
        why="The public key of a project is in every client, so whoever has seen the site can do the same through the Data API.",
        instead="ALTER TABLE notes ENABLE ROW LEVEL SECURITY; and policies that say for whom they are: TO authenticated.",
        bad=(
            _example(f"{_NOTES} -- finding\n{_OPEN}", "DROP TABLE notes;"),
            _example(f"{_NOTES}\n{_ON}\n{_OPEN}\nCREATE POLICY write ON notes FOR INSERT WITH CHECK (body <> ''); -- finding", "DROP TABLE notes;"),
            _example("CREATE VIEW bodies AS SELECT id, body FROM notes; -- finding\nGRANT ALL ON bodies TO anon, authenticated;", "DROP VIEW bodies;", _BEFORE),
        ),
        good=(
            _example(f"{_NOTES}\n{_ON}\n{_OPEN}\n{_OWN}", "DROP TABLE notes;"),
            _example("CREATE TABLE guests (name text);\nALTER TABLE guests ENABLE ROW LEVEL SECURITY;\nGRANT INSERT ON guests TO anon;\nCREATE POLICY sign ON guests FOR INSERT TO anon WITH CHECK (name <> '');", "DROP TABLE guests;"),
            _example(f"{_NOTES}\nGRANT ALL ON notes TO service_role;", "DROP TABLE notes;"),
        ),
    ),
    Rule(
        name="anon-can-read", family="verify", severity=Severity.WARNING, on=(), check=found_elsewhere, profile="supabase",
        summary="`anon` read rows that nothing says are for everybody",
        why="The public key of a project is in every client, so whoever has seen the site can read the same through the Data API.",
        instead="ALTER TABLE notes ENABLE ROW LEVEL SECURITY; for a view: WITH (security_invoker = true).",
        bad=(
            _example("CREATE VIEW bodies AS SELECT body FROM notes GROUP BY body; -- finding\nGRANT ALL ON bodies TO anon, authenticated;", "DROP VIEW bodies;", _BEFORE),
        ),
        good=(
            _example("CREATE VIEW bodies WITH (security_invoker = true) AS SELECT id, body FROM notes;\nGRANT ALL ON bodies TO anon, authenticated;", "DROP VIEW bodies;", _BEFORE),
            _example("CREATE TABLE countries (code text PRIMARY KEY);\nGRANT SELECT ON countries TO anon, authenticated;", "DROP TABLE countries;"),
            _example("CREATE POLICY public_notes ON notes FOR SELECT USING (true);", "DROP POLICY public_notes ON notes;", _BEFORE),
        ),
    ),
    Rule(
        name="writes-rows-of-others", family="verify", severity=Severity.ERROR, on=(), check=found_elsewhere, profile="supabase",
        summary="one user changed or deleted the rows of another when verify tried it",
        why="A policy binds rows to their user, and another one lets every user write them all: Postgres asks for one policy that agrees, not for all.",
        instead="Let each policy for UPDATE and DELETE compare the owner: USING ((SELECT auth.uid()) = user_id).",
        bad=(
            _example("CREATE POLICY change ON notes FOR UPDATE TO authenticated USING ((SELECT auth.uid()) IS NOT NULL); -- finding", "DROP POLICY change ON notes;", f"{_NOTES}\n{_ON}\n{_OPEN}\n{_OWN}\nCREATE POLICY read ON notes FOR SELECT TO authenticated USING (true);"),
        ),
        good=(
            _example("CREATE POLICY change ON notes FOR UPDATE TO authenticated USING ((SELECT auth.uid()) = user_id AND body <> '');", "DROP POLICY change ON notes;", _BEFORE),
        ),
    ),
    Rule(
        name="sees-rows-of-others", family="verify", severity=Severity.WARNING, on=(), check=found_elsewhere, profile="supabase",
        summary="one user read the rows of another, although a policy binds rows to their user",
        why="Policies are joined by OR: one that is true for everybody who has signed in makes the one that looks at the owner useless.",
        instead="Drop the policy that is too wide, make it RESTRICTIVE, or write USING (true) where everybody is meant to read.",
        bad=(
            _example("CREATE POLICY members ON notes FOR SELECT USING (auth.role() = 'authenticated'); -- finding", "DROP POLICY members ON notes;", _BEFORE),
        ),
        good=(
            _example("CREATE POLICY members ON notes AS RESTRICTIVE FOR SELECT USING (auth.role() = 'authenticated');", "DROP POLICY members ON notes;", _BEFORE),
            _example("CREATE POLICY everybody ON notes FOR SELECT TO authenticated USING (true);", "DROP POLICY everybody ON notes;", _BEFORE),
        ),
    ),
)
