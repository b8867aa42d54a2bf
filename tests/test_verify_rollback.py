"""What verify says about rollbacks: whom it blames, and the DOWN that it proposes, each tried on a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.fix import apply
from elf_sqlcheck.layouts import read
from elf_sqlcheck.model import Applicability, Severity
from elf_sqlcheck.verify import Options, Verification, verify
from tests.test_verify import made, shown

if TYPE_CHECKING:
    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.postgres.server import Server

pytestmark = pytest.mark.slow

_OLD = """
CREATE SCHEMA "Odd";
CREATE TABLE teams (id int PRIMARY KEY, name text NOT NULL DEFAULT 'x', kind varchar(9), n int CHECK (n > 0));
CREATE INDEX teams_by_name ON teams (lower(name));
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN short AS text CHECK (length(VALUE) < 9);
CREATE VIEW names AS SELECT id, name FROM teams;
CREATE FUNCTION f(a int DEFAULT 3) RETURNS int LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = ''
    AS $$ BEGIN RETURN a; END $$;
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER kept BEFORE INSERT ON teams FOR EACH ROW EXECUTE FUNCTION keep();
ALTER TABLE teams ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON teams FOR SELECT USING (id > 0);
CREATE TABLE "Odd"."T a" (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t int REFERENCES teams (id), m mood);
COMMENT ON TABLE teams IS 'people''s';
CREATE SEQUENCE counter START 5;
GRANT SELECT ON teams TO verify_reader;
"""


def judged(server: Server, up: str, down: str, before: str = _OLD) -> tuple[Migration, Verification]:
    """Judge one migration alone, on top of `before`."""
    migration = made(2, up, down)
    options = Options(rows=0, observe=False, cuts=0)
    return migration, verify([made(1, before), migration], server, only={migration.path}, options=options)


@pytest.mark.parametrize(
    ("up", "down", "proposal"),
    [
        ("CREATE TABLE a (id int);\nCREATE INDEX ON a (id);", "SELECT 1;", "DROP TABLE IF EXISTS a;"),
        ("ALTER TABLE teams ADD COLUMN x int;\nCREATE INDEX ON teams (x);", "SELECT 1;", "DROP COLUMN IF EXISTS x;"),
        ("ALTER TABLE teams DROP COLUMN name CASCADE;", "SELECT 1;", "CREATE VIEW public.names AS"),
        ("ALTER TABLE teams DROP COLUMN name CASCADE;", "ALTER TABLE teams ADD COLUMN name text;",
         "ALTER TABLE public.teams ALTER COLUMN name SET NOT NULL;"),
        ("DROP VIEW names;", "SELECT 1;", "CREATE VIEW public.names AS"),
        ("CREATE OR REPLACE VIEW names AS SELECT id, name, kind FROM teams;", "SELECT 1;", "DROP VIEW IF EXISTS"),
        ("ALTER TABLE teams RENAME TO groups;", "SELECT 1;", "ALTER TABLE groups RENAME TO teams;"),
        ("ALTER TABLE teams RENAME COLUMN kind TO sort;", "SELECT 1;", "RENAME COLUMN sort TO kind;"),
        ("CREATE OR REPLACE FUNCTION f(a int DEFAULT 3) RETURNS int LANGUAGE sql AS 'SELECT 1';", "SELECT 1;",
         "SECURITY DEFINER SET search_path TO '' AS $$ BEGIN RETURN a; END $$;"),
        ("DROP FUNCTION f(int);", "SELECT 1;", "FUNCTION public.f(a integer DEFAULT 3)"),
        ("DROP TRIGGER kept ON teams;\nDROP POLICY seen ON teams;", "SELECT 1;", "CREATE POLICY seen ON teams"),
        ("ALTER TABLE teams DISABLE TRIGGER kept;", "SELECT 1;", "ENABLE TRIGGER kept;"),
        ("ALTER TABLE teams DISABLE ROW LEVEL SECURITY;", "SELECT 1;", "ENABLE ROW LEVEL SECURITY;"),
        ("COMMENT ON TABLE teams IS 'new';", "SELECT 1;", "COMMENT ON TABLE teams IS 'people''s';"),
        ("REVOKE SELECT ON teams FROM verify_reader;", "SELECT 1;", "GRANT SELECT ON TABLE teams TO verify_reader;"),
        ("GRANT INSERT ON teams TO verify_reader;", "SELECT 1;", "REVOKE INSERT ON TABLE teams FROM verify_reader;"),
        ('DROP TABLE "Odd"."T a";', "SELECT 1;", 'CREATE TABLE "Odd"."T a"'),
        ('DROP SCHEMA "Odd" CASCADE;', "SELECT 1;", 'CREATE SCHEMA "Odd";'),
        ("ALTER TABLE teams ALTER COLUMN kind TYPE text;", "SELECT 1;", "TYPE character varying(9)"),
        ("ALTER TABLE teams DROP CONSTRAINT teams_n_check;", "SELECT 1;", "CHECK (n > 0);"),
        ("ALTER DOMAIN short SET NOT NULL;", "SELECT 1;", "ALTER DOMAIN short DROP NOT NULL;"),
        ("DROP SEQUENCE counter;", "SELECT 1;", "CREATE SEQUENCE public.counter AS bigint"),
        ("DROP INDEX teams_by_name;", "SELECT 1;", "CREATE INDEX teams_by_name ON public.teams"),
        ("ALTER INDEX teams_by_name RENAME TO other;", "SELECT 1;", "RENAME TO teams_by_name;"),
        ("DO $$ BEGIN EXECUTE 'CREATE TABLE ' || 'dyn' || ' (id int)'; END $$;", "SELECT 1;", "DROP TABLE IF EXISTS"),
        ("CREATE TYPE level AS ENUM ('a');\nCREATE TABLE b (l level);", "DROP TABLE b;\nDROP TABLE c;",
         "DROP TABLE IF EXISTS b;\nDROP TYPE IF EXISTS level;"),
    ],
)  # fmt: skip
def test_a_down_is_proposed_that_was_proven_on_the_server(server: Server, up: str, down: str, proposal: str) -> None:
    migration, result = judged(server, up, down)
    step = result.steps[1]
    assert proposal in step.proposal
    assert proposal.partition("\n")[0] in " ".join(finding.instead for finding in result.findings)
    # What is proposed is taken at its word: the migration with it has nothing left to find.
    text = step.proposal if step.rolled_back is False else step.proposal.removeprefix("SELECT 1;\n")
    _, again = judged(server, up, text)
    assert {finding.rule for finding in again.findings} <= {"rollback-differs-harmlessly"}
    assert again.steps[1].reapplied is True
    assert migration.up.statements


def test_the_fix_of_a_finding_completes_down(server: Server) -> None:
    migration, result = judged(server, "CREATE TABLE a (id int);\nCREATE SEQUENCE counted;", "DROP TABLE a;", "")
    finding = result.findings[0]
    assert finding.fix is not None
    fixed = apply(migration.data, [finding], {Applicability.UNSAFE})
    assert verify([read(migration.path, fixed.data)], server).findings == []


def test_a_label_that_stays_in_an_enum_is_no_matter_of_statements(server: Server) -> None:
    _, result = judged(server, "ALTER TYPE mood ADD VALUE 'happy';", "SELECT 1;")
    assert [finding.rule for finding in result.findings] == ["rollback-does-not-restore", "does-not-apply-again"]
    assert "cannot take a label out of an enum" in result.findings[0].instead
    assert result.steps[1].proposal == ""


def test_what_a_rename_leaves_is_one_finding(server: Server) -> None:
    migration, result = judged(server, "ALTER TABLE teams RENAME TO groups;", "SELECT 1;")
    assert shown([migration], result) == [
        ("rollback-does-not-restore", "ALTER TABLE teams RENAME TO groups"),
        ("does-not-apply-again", "ALTER TABLE teams RENAME TO groups"),
    ]
    assert "Table public.groups is there and was not before." in result.findings[0].message
    assert "view public.names" in result.findings[0].message


@pytest.mark.parametrize(
    ("up", "down", "blamed"),
    [
        ("-- the table badges\nCOMMENT ON TABLE teams IS 'badges';\nCREATE TABLE badges (id int);",
         "COMMENT ON TABLE teams IS 'people''s';", "CREATE TABLE badges (id int)"),
        ("INSERT INTO teams VALUES (1, 'kind');\nALTER TABLE teams DROP COLUMN kind;", "DELETE FROM teams;",
         "ALTER TABLE teams DROP COLUMN kind"),
        ("ALTER TABLE teams ADD COLUMN x int;\nALTER TABLE teams ADD CHECK (x > 0), ADD UNIQUE (name);",
         "ALTER TABLE teams DROP COLUMN x;", "ALTER TABLE teams ADD CHECK (x > 0), ADD UNIQUE (name)"),
        ("ALTER TABLE teams ADD COLUMN kind2 text;\nALTER TABLE teams ALTER COLUMN kind SET DEFAULT 'y';",
         "ALTER TABLE teams DROP COLUMN kind2;", "ALTER TABLE teams ALTER COLUMN kind SET DEFAULT 'y'"),
        ("CREATE TABLE a (kind int);\nALTER TABLE teams DROP COLUMN kind;", "DROP TABLE a;",
         "ALTER TABLE teams DROP COLUMN kind"),
        ("CREATE TABLE a (id int);\nDROP VIEW names CASCADE;", "DROP TABLE a;", "DROP VIEW names CASCADE"),
        ("CREATE TABLE a (id int);\nGRANT SELECT ON ALL TABLES IN SCHEMA public TO verify_other;", "DROP TABLE a;",
         "GRANT SELECT ON ALL TABLES IN SCHEMA public TO verify_other"),
        ("CREATE TABLE a (id int);", "DROP TABLE a;\nDROP FUNCTION keep() CASCADE;", "DROP FUNCTION keep() CASCADE"),
        ("CREATE TABLE a (id int);", "DROP TABLE a;\nALTER TABLE teams DROP COLUMN n;",
         "ALTER TABLE teams DROP COLUMN n"),
        ("SELECT 1;\nDO $$ BEGIN CREATE TABLE hidden (id int); END $$;", "SELECT 1;", "CREATE TABLE hidden (id int)"),
    ],
)  # fmt: skip
def test_the_statement_to_blame(server: Server, up: str, down: str, blamed: str) -> None:
    migration, result = judged(server, up, down)
    found = [place for rule, place in shown([migration], result) if rule.startswith("rollback-")]
    assert set(found) == {blamed}


def test_what_down_does_of_its_own_is_to_be_left_out(server: Server) -> None:
    _, result = judged(server, "CREATE TABLE a (id int);", "DROP TABLE a;\nCREATE INDEX extra ON teams (kind);")
    assert "Leave this out of DOWN" in result.findings[0].instead


def test_what_cannot_matter_is_one_note(server: Server) -> None:
    migration, result = judged(
        server,
        "ALTER TABLE teams DROP COLUMN kind;\nDROP FUNCTION keep() CASCADE;",
        "ALTER TABLE teams ADD COLUMN kind varchar(9);\nCREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN -- as it was\n RETURN NEW;\nEND $$;\nCREATE TRIGGER kept BEFORE INSERT ON teams FOR EACH ROW"
        " EXECUTE FUNCTION keep();",
    )
    assert shown([migration], result) == [
        ("rollback-differs-harmlessly", "DROP FUNCTION keep() CASCADE"),
    ]
    assert result.findings[0].severity is Severity.NOTE
    assert "(1 more of this kind.)" in result.findings[0].message
    assert {difference.attribute for difference in result.steps[1].differences} == {"column order", "body"}
    assert result.steps[1].reapplied is True


def test_a_moment_that_a_definition_keeps_does_not_matter(server: Server) -> None:
    view = "CREATE VIEW recent AS SELECT id FROM teams WHERE timestamp 'now' > '2020-01-01';"
    migration, result = judged(server, "DROP VIEW recent;", view, f"{_OLD}{view}")
    assert shown([migration], result) == [("rollback-differs-harmlessly", "DROP VIEW recent")]
    assert "the moment at which it was made" in result.findings[0].message


def test_a_column_keeps_its_own_sequence_however_it_is_read(server: Server) -> None:
    people = "CREATE TABLE people (id serial PRIMARY KEY, email text UNIQUE);"
    up, down = (
        f"ALTER TABLE people {action};" for action in ("DROP CONSTRAINT people_email_key", "ADD UNIQUE (email)")
    )
    chain = [made(1, people, "DROP TABLE people;"), made(2, up.replace("CONSTRAINT", "CONSTRAINT IF EXISTS"), down)]
    assert verify(chain, server, options=Options(twice=True, chain=True)).findings == []
