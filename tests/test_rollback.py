"""Rollbacks: what DOWN leaves undone is named, and no right rollback is called wrong."""
# ruff: noqa: E501, ISC004 - a pair of UP and DOWN is read best in one line

from __future__ import annotations

import pytest

from elf_sqlcheck.fix import UNSAFE, apply
from elf_sqlcheck.model import Applicability
from tests.judging import DOWN, HEAD, PATH, UP, found, judge, whole

BASE = whole(
    "CREATE TABLE users (id UUID PRIMARY KEY, email TEXT NOT NULL DEFAULT 'x', team UUID UNIQUE, born DATE);\n"
    "CREATE TABLE posts (id UUID, author UUID REFERENCES users (id), said TEXT);\n"
    "CREATE INDEX idx_users_year ON users (extract(year FROM born)) WHERE born IS NOT NULL;\n"
    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN\n    NEW.said := 1; -- why\n    RETURN NEW; END $$;\n"
    "CREATE TYPE mood AS ENUM ('a', 'b');\nCREATE POLICY own ON users USING (true);"
)


def judged(up: str, down: str) -> list[str]:
    """The messages about a DOWN that does too little or too much, in a migration after the base."""
    files = {"migrations/20250101_000000_base.sql": BASE, PATH: whole(up, down)}
    findings, _ = judge(files, "incomplete-down", "down-drops-older")
    return [finding.message for finding in findings if finding.path == PATH]


@pytest.mark.parametrize(
    ("up", "down"),
    [
        ("ALTER TABLE users DROP CONSTRAINT users_team_key;", "ALTER TABLE users ADD CONSTRAINT users_team_key UNIQUE (team);"),
        (
            "ALTER TABLE posts DROP CONSTRAINT posts_author_fkey;",
            "ALTER TABLE posts ADD CONSTRAINT posts_author_fkey FOREIGN KEY (author) REFERENCES users;",
        ),
        ("ALTER TABLE users ALTER COLUMN email DROP DEFAULT;", "ALTER TABLE users ALTER COLUMN email SET DEFAULT 'x'::text;"),
        ("ALTER TABLE users DROP COLUMN email;", "ALTER TABLE users ADD email TEXT NOT NULL DEFAULT 'x';"),
        ("ALTER TABLE users RENAME COLUMN born TO birthday;", "ALTER TABLE users RENAME COLUMN birthday TO born;"),
        (
            "ALTER TABLE users RENAME COLUMN born TO birthday;\nDROP INDEX idx_users_year;",
            "CREATE INDEX idx_users_year ON users (extract(year FROM birthday)) WHERE birthday IS NOT NULL;\n"
            "ALTER TABLE users RENAME COLUMN birthday TO born;",
        ),
        ("ALTER TABLE users RENAME TO people;", "ALTER TABLE people RENAME TO users;"),
        (
            "CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN OLD; END $$;",
            "CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN NEW.said := 1; RETURN NEW; END $f$;",
        ),
        (
            "CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;\n"
            "CREATE TRIGGER t AFTER INSERT ON users EXECUTE FUNCTION g();",
            "DROP FUNCTION g CASCADE;",
        ),
        ("CREATE TABLE a (id SERIAL);\nCREATE INDEX i ON a (id);\nGRANT SELECT ON a TO bob;", "DROP TABLE a;"),
        ("CREATE SCHEMA s;\nCREATE TABLE s.a (id INT);\nCREATE VIEW s.v AS SELECT 1;", "DROP SCHEMA s CASCADE;"),
        ("SET search_path = s;\nCREATE TABLE a (id INT);", "DROP TABLE s.a;"),
        ("CREATE TABLE IF NOT EXISTS users (id INT);", "SELECT 1;"),
        ("DROP TABLE IF EXISTS nothing;\nDROP POLICY IF EXISTS p ON elsewhere;", "SELECT 1;"),
        ("CREATE TEMP TABLE t (a INT);\nDROP TABLE t;", "SELECT 1;"),
        ("CREATE TYPE t AS ENUM ('x');\nDROP TYPE t;", "SELECT 1;"),
        ("INSERT INTO users VALUES (gen_random_uuid());", "DELETE FROM users;"),
        ("CREATE EXTENSION IF NOT EXISTS pgcrypto;", "SELECT 1;"),
        ("CREATE TABLE a (id INT);", "DO $$ BEGIN DROP TABLE IF EXISTS a; END $$;"),
        ("CREATE TABLE a (id INT);", "DO $$ BEGIN EXECUTE format('DROP TABLE %I', n); END $$;"),
        ("CREATE TABLE a (id INT);", "DROP TABL a;"),
        ("CREATE TABLE a (id INT);", "CALL clean_up();"),
        ("DO $$ BEGIN CREATE TABLE a (id INT); END $$;", "DROP TABLE a;"),
        ("BEGIN;\nCREATE TABLE a (id INT);\nCOMMIT;", "BEGIN;\nDROP TABLE a;\nCOMMIT;"),
        ("ALTER TABLE users ENABLE ROW LEVEL SECURITY;", "ALTER TABLE users DISABLE ROW LEVEL SECURITY;"),
        ("ALTER TABLE elsewhere ADD COLUMN a INT;", "ALTER TABLE elsewhere DROP COLUMN a;"),
        ("ALTER TABLE elsewhere RENAME COLUMN a TO b;", "ALTER TABLE elsewhere RENAME COLUMN b TO a;"),
        ("DROP POLICY own ON users;", "CREATE POLICY own ON users FOR ALL TO public USING (TRUE);"),
        ("ALTER TABLE users ADD UNIQUE (born);", "ALTER TABLE users DROP CONSTRAINT users_born_key;"),
        ("COMMENT ON TABLE users IS 'x';", "COMMENT ON TABLE users IS NULL;"),
    ],
)  # fmt: skip
def test_a_right_rollback_passes(up: str, down: str) -> None:
    assert judged(up, down) == []


@pytest.mark.parametrize(
    ("up", "down", "words"),
    [
        ("CREATE TABLE a (id INT);", "SELECT 1;", "makes table a and DOWN does not drop it"),
        ('CREATE TABLE "My Table" (id INT);', "SELECT 1;", '"My Table"'),
        ("CREATE TABLE s.a (id INT);", "DROP TABLE a;", "makes table s.a"),
        ("CREATE INDEX i ON users (born);", "SELECT 1;", "index i on users"),
        ("CREATE INDEX ON users (born);", "SELECT 1;", "users_born_idx"),
        ("DROP TABLE posts;", "SELECT 1;", "drops table posts and DOWN does not bring it back"),
        ("DROP TABLE posts;", "CREATE TABLE posts (id UUID, said TEXT);", "posts.author"),
        ("ALTER TABLE users ALTER COLUMN email TYPE VARCHAR(9);", "SELECT 1;", "type was text and is character varying(9)"),
        ("ALTER TABLE users ALTER COLUMN born SET NOT NULL;", "SELECT 1;", "users.born"),
        ("ALTER TABLE users ALTER COLUMN email SET DEFAULT 'y';", "SELECT 1;", "default was 'x' and is 'y'"),
        ("ALTER TABLE users DROP COLUMN born;", "ALTER TABLE users ADD COLUMN born DATE;", "idx_users_year"),
        ("ALTER TABLE users ADD UNIQUE (born);", "SELECT 1;", "users_born_key"),
        ("ALTER TYPE mood ADD VALUE 'c';", "SELECT 1;", "still has the label c"),
        ("CREATE VIEW v AS SELECT 1;", "SELECT 1;", "view v"),
        ("CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN OLD; END $$;", "DROP FUNCTION touch();", "DOWN drops function touch(), which UP only changes"),
        ("CREATE FUNCTION f(a INT) RETURNS INT LANGUAGE sql AS 'SELECT 1';", "SELECT 1;", "f(integer)"),
        ("CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN OLD; END $$;", "SELECT 1;", "touch()"),
        ("ALTER TABLE users FORCE ROW LEVEL SECURITY;", "SELECT 1;", "row level security"),
        ("DROP POLICY own ON users;", "CREATE POLICY own ON users USING (false);", "policy own"),
        ("ALTER TABLE elsewhere ADD COLUMN a INT;", "SELECT 1;", "elsewhere.a"),
        ("ALTER TABLE users RENAME COLUMN born TO birthday;", "SELECT 1;", "renames column born of users"),
        ("CREATE TABLE a (id INT);", "DROP TABLE a;\nDROP TABLE posts;", "DOWN drops table posts, which was there before"),
        ("CREATE TABLE a (id INT);", "DO $$ BEGIN DROP TABLE b; END $$;", "makes table a"),
    ],
)  # fmt: skip
def test_what_is_left_undone_is_named(up: str, down: str, words: str) -> None:
    messages = judged(up, down)
    assert messages
    assert any(words in message for message in messages), messages


@pytest.mark.parametrize(
    "up",
    [
        "CREATE TABLE a (id INT);",
        "CREATE INDEX i ON users (born);",
        "ALTER TABLE users ADD COLUMN a INT;",
        "ALTER TABLE users ALTER COLUMN email TYPE VARCHAR(9);",
        "ALTER TABLE users ALTER COLUMN email DROP NOT NULL;",
        "ALTER TABLE users ALTER COLUMN email DROP DEFAULT;",
        "ALTER TABLE users ADD UNIQUE (born);",
        "ALTER TABLE users ENABLE ROW LEVEL SECURITY;",
        "ALTER TABLE users DROP COLUMN team;",
        "CREATE VIEW v AS SELECT 1;",
        "CREATE FUNCTION f(a INT) RETURNS INT LANGUAGE sql AS 'SELECT 1';",
        "CREATE TYPE t AS ENUM ('x');",
        "CREATE DOMAIN d AS TEXT;",
        "CREATE SCHEMA s;",
        "CREATE SEQUENCE q;",
        "CREATE POLICY p ON users USING (true);",
        "CREATE TRIGGER t BEFORE INSERT ON posts FOR EACH ROW EXECUTE FUNCTION touch();",
        "COMMENT ON COLUMN users.email IS 'x';",
        "GRANT SELECT ON users TO bob;",
        "ALTER TABLE users RENAME COLUMN born TO birthday;",
        "ALTER TABLE users RENAME TO people;",
    ],
)
def test_the_offered_statement_undoes_it(up: str) -> None:
    files = {"migrations/20250101_000000_base.sql": BASE, PATH: whole(up, "SELECT 1;")}
    findings, migrations = judge(files, "incomplete-down")
    mine = [finding for finding in findings if finding.path == PATH]
    assert len(mine) == 1
    fixed = apply(migrations[PATH].data, mine, UNSAFE).data.decode()
    assert "in DOWN: " in mine[0].instead
    if up == "ALTER TABLE users DROP COLUMN team;":
        assert "ADD COLUMN IF NOT EXISTS team uuid" in mine[0].instead
        return
    assert fixed != whole(up, "SELECT 1;"), mine
    again, _ = judge({**files, PATH: fixed}, "incomplete-down")
    assert [finding.message for finding in again if finding.path == PATH] == []


def test_no_down_section_needs_a_reason() -> None:
    text = f"{HEAD}{UP}UPDATE a SET b = 1;\n"
    assert len(found(text, "missing-down")) == 1
    assert len(found(text.replace(UP, f"-- Irreversible:\n{UP}"), "missing-down")) == 1
    assert found(text.replace(UP, f"-- Irreversible: rows are gone\n{UP}"), "missing-down", "incomplete-down") == []
    assert found(text + DOWN, "missing-down") == []
    assert found("SELECT 1;", "missing-down", path="seed.sql") == []


def test_a_whole_down_is_offered_when_all_of_it_is_certain() -> None:
    text = (
        f"{HEAD}{UP}CREATE SCHEMA s;\nCREATE TABLE s.a (id UUID);\nCREATE INDEX i ON s.a (id);\n"
        "ALTER TABLE s.a ENABLE ROW LEVEL SECURITY;\nCREATE TABLE s.b (id UUID);\n"
    )
    findings, migrations = judge({PATH: text}, "missing-down")
    fixed = apply(migrations[PATH].data, findings, UNSAFE).data.decode()
    assert fixed.endswith("\n\nDROP TABLE IF EXISTS s.b;\nDROP TABLE IF EXISTS s.a;\nDROP SCHEMA IF EXISTS s;\n")
    assert found(fixed, "rollback") == []
    uncertain = text + "DO $$ BEGIN END $$;\n"
    assert judge({PATH: uncertain}, "missing-down")[0][0].fix is None


def test_a_table_that_only_a_grant_tells_of_is_not_said_to_come_back() -> None:
    text = f"{HEAD}{UP}ALTER TABLE users ALTER email DROP NOT NULL;\nDROP TABLE IF EXISTS diaries;\n"
    base = {"migrations/20250101_000000_base.sql": BASE}
    offered = judge({**base, PATH: text}, "missing-down")[0][0]
    assert offered.fix is not None, "nothing tells that there is such a table"
    granted = {
        path: made.replace("CREATE TYPE", "GRANT SELECT ON diaries TO bob;\nCREATE TYPE") for path, made in base.items()
    }
    assert judge({**granted, PATH: text}, "missing-down")[0][0].fix is None


@pytest.mark.parametrize("action", ["SET", "DROP"])
def test_a_column_of_an_unknown_table_is_not_undone_to_what_it_never_was(action: str) -> None:
    again = f"ALTER TABLE orders ALTER total {action} NOT NULL;"
    alone = judge({PATH: f"{HEAD}{UP}{again}"}, "missing-down")[0][0]
    assert alone.fix is not None
    before = {"migrations/20250101_000000_base.sql": whole(again, "SELECT 1;")}
    assert judge({**before, PATH: f"{HEAD}{UP}{again}"}, "missing-down")[0][-1].fix is None


@pytest.mark.parametrize(
    ("told", "up"),
    [
        ("ALTER TABLE orders ALTER total SET DEFAULT 1;", "ALTER TABLE orders ADD COLUMN IF NOT EXISTS total INT;"),
        ("COMMENT ON COLUMN orders.total IS 'x';", "ALTER TABLE orders ADD COLUMN IF NOT EXISTS total INT;"),
        ("GRANT SELECT (total) ON orders TO bob;", "ALTER TABLE orders ADD COLUMN IF NOT EXISTS total INT;"),
        ("ALTER TABLE orders RENAME sum TO total;", "ALTER TABLE orders ADD COLUMN IF NOT EXISTS total INT;"),
        ("GRANT SELECT ON orders TO bob;", "CREATE TABLE IF NOT EXISTS orders (id UUID);"),
        ("COMMENT ON TABLE orders IS 'x';", "CREATE TABLE IF NOT EXISTS orders (id UUID);"),
        ("COMMENT ON INDEX i IS 'x';", "CREATE INDEX IF NOT EXISTS i ON users (email);"),
        ("GRANT SELECT ON v TO bob;", "CREATE OR REPLACE VIEW v AS SELECT 1 AS a;"),
        ("GRANT USAGE ON SEQUENCE s TO bob;", "CREATE SEQUENCE IF NOT EXISTS s;"),
    ],
)
def test_what_may_be_older_than_the_migrations_is_not_dropped(told: str, up: str) -> None:
    """IF NOT EXISTS leaves alone what an earlier file tells of: the DOWN that is offered would throw rows away."""
    assert judge({PATH: f"{HEAD}{UP}{up}"}, "missing-down")[0][0].fix is not None
    before = {"migrations/20250101_000000_base.sql": BASE.replace("CREATE TYPE", f"{told}\nCREATE TYPE")}
    assert judge({**before, PATH: f"{HEAD}{UP}{up}"}, "missing-down")[0][0].fix is None


def test_a_function_that_is_dropped_if_it_exists_comes_back_wherever_else_it_is_named() -> None:
    up = "SELECT id AS touch FROM users;\nCREATE TABLE a (id INT);\nDROP FUNCTION IF EXISTS touch;"
    offered = judge({"migrations/20250101_000000_base.sql": BASE, PATH: f"{HEAD}{UP}{up}"}, "missing-down")[0][0].fix
    assert offered is not None
    assert "CREATE FUNCTION public.touch() RETURNS trigger" in offered.edits[0].text


def test_no_down_is_certain_where_a_function_is_called_before_it_is_dropped() -> None:
    up = "CREATE TABLE a (id INT);\nSELECT touch();\nDROP FUNCTION touch;"
    offered = judge({"migrations/20250101_000000_base.sql": BASE, PATH: f"{HEAD}{UP}{up}"}, "missing-down")[0][0].fix
    assert offered is None or offered.applicability is Applicability.SHOWN


def test_what_down_alone_changes_is_no_change_of_up() -> None:
    files = {
        "migrations/20250101_000000_base.sql": BASE.replace(
            "CREATE TYPE", "ALTER TABLE users ENABLE ROW LEVEL SECURITY;\nCREATE TYPE"
        )
    }
    files[PATH] = whole("CREATE TABLE b (id UUID);", "DROP TABLE b;\nALTER TABLE users DISABLE ROW LEVEL SECURITY;")
    findings, _ = judge(files, "incomplete-down", "down-drops-older")
    assert [(finding.rule, finding.message) for finding in findings if finding.path == PATH] == [
        (
            "down-drops-older",
            "DOWN alters table users, which was there before this migration: row level security is off now",
        )
    ]


def test_an_index_without_a_name_may_fail_in_down() -> None:
    files = {"migrations/20250101_000000_base.sql": whole("CREATE TABLE a (b INT);\nDROP TABLE a;", "SELECT 1;")}
    files[PATH] = whole("SELECT 1;", "CREATE INDEX ON a (b);")
    findings, _ = judge(files, "down-cannot-run")
    assert [finding.message for finding in findings] == ["DOWN fails here: there is no table a at this point"]
