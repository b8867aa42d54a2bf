"""Row level security in a Supabase project, judged after all files of the run."""
# ruff: noqa: E501 - SQL is read best in one line

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.fix import SAFE, apply
from tests.judging import PATH, judge, whole
from tests.lint_project import Project

if TYPE_CHECKING:
    from pathlib import Path

    from elf_sqlcheck.postgres.server import Server

FIRST, SECOND = "migrations/20250101_000000_first.sql", "migrations/20250102_000000_second.sql"
NOTES = "CREATE TABLE notes (id uuid PRIMARY KEY, user_id uuid);"
ON = "ALTER TABLE notes ENABLE ROW LEVEL SECURITY;"
#: A project as the documentation of Supabase lays one out.
START = """
CREATE TABLE members (
    id uuid PRIMARY KEY REFERENCES auth.users ON DELETE CASCADE,
    updated_at timestamptz,
    nickname text UNIQUE,
    CONSTRAINT nickname_length CHECK (char_length(nickname) >= 3)
);
ALTER TABLE members ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Everybody sees members." ON members FOR SELECT USING (true);
CREATE POLICY "Members are added by themselves." ON members FOR INSERT WITH CHECK ((SELECT auth.uid()) = id);
CREATE POLICY "Members change themselves." ON members FOR UPDATE USING ((SELECT auth.uid()) = id);
GRANT SELECT, INSERT, UPDATE ON members TO anon, authenticated, service_role;
CREATE FUNCTION public.on_new_user() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    INSERT INTO public.members (id, nickname) VALUES (NEW.id, NEW.raw_user_meta_data ->> 'nickname');
    RETURN NEW;
END;
$$;
CREATE TRIGGER on_auth_user_created AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION public.on_new_user();
INSERT INTO storage.buckets (id, name) VALUES ('pictures', 'pictures');
CREATE POLICY "Everybody sees pictures." ON storage.objects FOR SELECT USING (bucket_id = 'pictures');
CREATE POLICY "Everybody adds pictures." ON storage.objects FOR INSERT WITH CHECK (bucket_id = 'pictures');
CREATE POLICY "Members change their pictures." ON storage.objects FOR UPDATE
    USING ((SELECT auth.uid()) = owner) WITH CHECK (bucket_id = 'pictures');
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA extensions;
"""


def judged(*ups: str, rule: str = "rls", exposed: tuple[str, ...] = ("public",)) -> list[tuple[str, str]]:
    """(path, rule) of what is found in files with these UP sections."""
    files = {f"migrations/2025010{number}_000000_{number}.sql": whole(up) for number, up in enumerate(ups, 1)}
    findings, _ = judge(files, rule, settings={"exposed-schemas": exposed})
    return [(finding.path[-5], finding.rule) for finding in findings]


def test_a_project_as_the_documentation_has_it_passes() -> None:
    assert judged(START) == []


def test_what_a_later_file_mends_is_no_finding() -> None:
    assert judged(NOTES, "SELECT 1;", f"{ON}\nGRANT SELECT ON notes TO authenticated;") == [("3", "rls-without-policy")]
    assert judged(NOTES, ON, "ALTER TABLE notes DISABLE ROW LEVEL SECURITY;", rule="table-without-rls") == [
        ("1", "table-without-rls"),
        ("3", "table-without-rls"),
    ]


def test_each_file_is_judged_by_the_same_end() -> None:
    """The rest of the files is read once, for the first file that asks, and folded again as it is judged."""
    tables = [f"CREATE TABLE t{n} (id uuid PRIMARY KEY);" for n in range(5)]
    mending = "".join(f"ALTER TABLE t{n} ENABLE ROW LEVEL SECURITY;" for n in (1, 3))
    assert judged(*tables, mending, rule="table-without-rls") == [(n, "table-without-rls") for n in "135"]


def test_a_table_renamed_before_it_is_secured() -> None:
    renamed = "ALTER TABLE notes RENAME TO texts;\nALTER TABLE texts ENABLE ROW LEVEL SECURITY;"
    assert judged(NOTES, renamed, rule="table-without-rls") == []


def test_a_policy_is_judged_as_it_stays() -> None:
    wide = "CREATE POLICY p ON notes USING (auth.uid() IS NOT NULL);\nCREATE POLICY q ON notes FOR DELETE USING (true);"
    narrow = "DROP POLICY q ON notes;\nALTER POLICY p ON notes USING ((SELECT auth.uid()) = user_id);"
    assert [rule for _, rule in judged(f"{NOTES}{ON}", wide, rule="policy-always-true")] == ["policy-always-true"]
    assert judged(f"{NOTES}{ON}", wide, narrow, rule="policy-always-true") == []
    assert judged(f"{NOTES}{ON}", wide, narrow, rule="policy-calls-per-row") == []


def test_a_do_block_that_grants_and_enables_counts() -> None:
    block = f"DO $$ BEGIN {ON} GRANT SELECT ON notes TO authenticated; END $$;"
    assert judged(f"{NOTES}\n{block}") == [("1", "rls-without-policy")]


def test_a_policy_that_execute_makes_is_judged_without_a_fix() -> None:
    made = "CREATE POLICY own ON notes USING (auth.uid() = user_id AND auth.jwt() ->> ''user_metadata'' = ''x'')"
    files = {PATH: whole(f"{NOTES}\n{ON}\nDO $$ BEGIN\n    EXECUTE '{made}';\nEND $$;")}
    findings, migrations = judge(files, "policy-calls-per-row", "policy-trusts-user-metadata")
    assert {finding.rule for finding in findings} == {"policy-calls-per-row", "policy-trusts-user-metadata"}
    for finding in findings:
        assert finding.fix is None
        assert finding.span is not None
        assert b"CREATE POLICY" in migrations[PATH].data[finding.span.start : finding.span.end]


def test_exposed_schemas_are_the_configuration_s() -> None:
    made = "CREATE SCHEMA api;\nCREATE TABLE api.notes (id uuid PRIMARY KEY);"
    assert judged(made) == []
    assert [rule for _, rule in judged(made, exposed=("api",))] == [
        "table-without-rls",
        "missing-api-grant",
    ]
    assert judged(NOTES, exposed=("api",)) == []


def test_the_profile_switches_the_family_on(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.put(FIRST, whole(NOTES))
    config = project.put(
        "elf-sqlcheck.toml", 'profile = "supabase"\nselect = []\nignore = ["created-at", "uuid", "idempotency"]\n'
    )
    assert (FIRST, "table-without-rls") in project.found()
    config.write_text('profile = "supabase"\nexposed-schemas = ["api"]\n')
    assert not {rule for _, rule in project.found()} & {"table-without-rls", "missing-api-grant"}
    config.write_text("")
    assert not {rule for _, rule in project.found()} & {"table-without-rls", "missing-api-grant"}


def test_fixing_an_old_file_does_not_clash_with_a_later_one(tmp_path: Path) -> None:
    project = Project(tmp_path)
    first = project.put(
        FIRST,
        whole(
            "CREATE TABLE IF NOT EXISTS notes (id UUID DEFAULT gen_random_uuid() PRIMARY KEY);",
            "DROP TABLE IF EXISTS notes;",
        ),
    )
    project.put(
        SECOND,
        whole(
            "ALTER TABLE notes ADD COLUMN created_at TIMESTAMP DEFAULT NOW();",
            "ALTER TABLE notes DROP COLUMN IF EXISTS created_at;",
        ),
    )
    before = first.read_bytes()
    assert project.found("--select", "missing-created-at") == set()
    project.lint("--fix", "--select", "missing-created-at")
    assert first.read_bytes() == before


@pytest.mark.slow
def test_what_postgres_does_with_such_policies(supabase_server: Server) -> None:
    """A policy without a condition lets nobody do anything; a wrapped call means what the bare one does."""
    policy = "CREATE POLICY own ON notes FOR ALL TO authenticated USING (auth.uid() = user_id AND auth.jwt() ->> 'role' = 'x');"
    import psycopg

    findings, migrations = judge({PATH: whole(f"{NOTES}\n{policy}")}, "policy-calls-per-row")
    wrapped = apply(migrations[PATH].data, findings, SAFE).data.decode()
    fixed = next(line for line in wrapped.splitlines() if line.startswith("CREATE POLICY own"))
    assert fixed.count("(SELECT auth.") == 2
    claims = """SET request.jwt.claims = '{"sub": "00000000-0000-0000-0000-000000000001", "role": "x"}'; SET ROLE authenticated;"""
    supabase_server.create_database("own_rows")
    with supabase_server.connect("own_rows") as connection:
        connection.execute(f"{NOTES}\n{ON}\nGRANT ALL ON notes TO authenticated;".encode())
        connection.execute(
            "INSERT INTO notes SELECT gen_random_uuid(), format('00000000-0000-0000-0000-00000000000%s', n)::uuid FROM generate_series(1, 3) n;"
        )
        for condition, seen in (("CREATE POLICY own ON notes;", 0), (policy, 1), (fixed, 1)):
            connection.execute(condition.encode())
            connection.execute(claims.encode())
            assert connection.execute("SELECT count(*) FROM notes").fetchone() == (seen,), condition
            connection.execute("RESET ROLE; DROP POLICY own ON notes;")
        connection.execute(f"CREATE POLICY own ON notes FOR INSERT TO authenticated; {claims}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="violates row-level security"):
            connection.execute("INSERT INTO notes VALUES (gen_random_uuid())")
