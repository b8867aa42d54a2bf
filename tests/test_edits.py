"""Fixes where files are not as the examples are: other line ends, comments, transactions, text that is not ASCII."""

from __future__ import annotations

import pytest

from elf_sqlcheck import fix, layouts, registry
from elf_sqlcheck.lint import lint

RULES = {rule.name: rule for rule in registry.builtin()}
USERS = layouts.read("migrations/20250101_000000_users.sql", b"-- === UP MIGRATION ===\nCREATE TABLE users (id uuid);")
PATH = "migrations/20250102_000000_posts.sql"


def mended(rule: str, text: str) -> str:
    """What --unsafe-fixes makes of a file that comes after one that makes the table users."""
    data = text.encode()
    migration = layouts.read(PATH, data)
    found = lint([USERS, migration], [RULES[rule]], judged={PATH}).findings
    assert found, "nothing was found"
    result = fix.apply(data, found, fix.UNSAFE).data
    again = layouts.read(PATH, result)
    assert not again.broken, again.broken[0].message
    assert not lint([USERS, again], [RULES[rule]], judged={PATH}).findings
    return result.decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("CREATE TABLE t ();", "CREATE TABLE t (created_at TIMESTAMP DEFAULT NOW());"),
        (
            "CREATE TABLE t (\r\n  id uuid\r\n);\r\n",
            "CREATE TABLE t (\r\n  id uuid,\r\n  created_at TIMESTAMP DEFAULT NOW()\r\n);\r\n",
        ),
        (
            '\ufeff-- größer\ncreate table "größe (m)" (\n\tid uuid /* ключ */ -- ключ )\n);',
            (
                '\ufeff-- größer\ncreate table "größe (m)" (\n\tid uuid, /* ключ */ -- ключ )\n'
                "\tcreated_at timestamp default now()\n);"
            ),
        ),
        (
            "CREATE TABLE t (id uuid, at date NOT NULL) PARTITION BY RANGE (at)",
            "CREATE TABLE t (id uuid, at date NOT NULL, created_at TIMESTAMP DEFAULT NOW()) PARTITION BY RANGE (at)",
        ),
        (
            "CREATE TABLE t (id uuid,\n    n numeric(4,2) DEFAULT (1 + 2));",
            "CREATE TABLE t (id uuid,\n    n numeric(4,2) DEFAULT (1 + 2), created_at TIMESTAMP DEFAULT NOW());",
        ),
    ],
)
def test_a_column_is_added_as_the_last_one(before: str, after: str) -> None:
    assert mended("missing-created-at", before) == after


UP = "-- ==== UP MIGRATION ====\n"
DOWN = "-- ==== DOWN MIGRATION ====\n"
KEY = "ALTER TABLE posts ADD COLUMN user_id uuid REFERENCES users (id)"
INDEX = "CREATE INDEX IF NOT EXISTS idx_posts_user_id ON posts (user_id);"
DROP = "DROP INDEX IF EXISTS idx_posts_user_id;"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{UP}{KEY}", f"{UP}{KEY};\n\n{INDEX}"),
        (f"{UP}{KEY} -- why\n", f"{UP}{KEY}; -- why\n\n{INDEX}\n"),
        (f"{UP}{KEY}; -- why\n-- more\n", f"{UP}{KEY}; -- why\n\n{INDEX}\n-- more\n"),
        (f"{UP}{KEY} /* a; */ ;\n", f"{UP}{KEY} /* a; */ ;\n\n{INDEX}\n"),
        (
            f"{UP}BEGIN;\n{KEY};\nCOMMIT;\n\n{DOWN}BEGIN;\nSELECT 1;\nCOMMIT;\n",
            f"{UP}BEGIN;\n{KEY};\n\n{INDEX}\nCOMMIT;\n\n{DOWN}BEGIN;\n{DROP}\nSELECT 1;\nCOMMIT;\n",
        ),
        (f"{UP}{KEY};\n\n{DOWN}", f"{UP}{KEY};\n\n{INDEX}\n\n{DOWN.rstrip()}\n\n{DROP}\n"),
        (
            f"-- Transaction: none\n{UP}{KEY};\n",
            f"-- Transaction: none\n{UP}{KEY};\n\n{INDEX.replace('INDEX', 'INDEX CONCURRENTLY')}\n",
        ),
        (
            f"{UP}{KEY.lower().replace('posts', 'blog.posts')};\n",
            (
                f"{UP}{KEY.lower().replace('posts', 'blog.posts')};\n\n"
                "create index if not exists idx_posts_user_id on blog.posts (user_id);\n"
            ),
        ),
    ],
)
def test_an_index_is_appended_and_dropped(before: str, after: str) -> None:
    assert mended("unindexed-foreign-key", before) == after


def test_two_indexes_are_appended_at_once() -> None:
    table = "CREATE TABLE p (a uuid REFERENCES users (id), b uuid REFERENCES users (id));"
    indexes = [f"CREATE INDEX IF NOT EXISTS idx_p_{column} ON p ({column});" for column in "ab"]
    assert mended("unindexed-foreign-key", f"{UP}{table}\n") == "\n\n".join([f"{UP}{table}", *indexes]) + "\n"


def test_the_drop_does_not_come_between_a_statement_and_its_suppression() -> None:
    allowed = "-- elf: allow drop-without-if-exists -- it is always there\nDROP VIEW v;\n"
    text = mended("unindexed-foreign-key", f"{UP}{KEY};\n\n{DOWN}{allowed}")
    assert text.endswith(f"{DOWN}\n{DROP}\n{allowed}")


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        (
            "drop-without-if-exists",
            "DROP\n  -- the\n  TABLE /* old */ t;",
            "DROP\n  -- the\n  TABLE IF EXISTS /* old */ t;",
        ),
        ("create-without-if-not-exists", 'create schema"ß";', 'create schema if not exists"ß";'),
        ("timetz-type", "ALTER TABLE t ADD a timestamptz /* a */ ( -- b\n0 );", "ALTER TABLE t ADD a TIMESTAMPTZ;"),
        (
            "table-name",
            "CREATE TABLE public /* a.b */ . /* c */ Foo ();",
            "CREATE TABLE public /* a.b */ . /* c */ foo ();",
        ),
        ("float-type", "ALTER TABLE t ADD a double /* a */ precision;", "ALTER TABLE t ADD a NUMERIC;"),
        ("char-type", "ALTER TABLE t ADD a national /* a */ character -- b\n (2);", "ALTER TABLE t ADD a VARCHAR(2);"),
        (
            "json-type",
            "ALTER TABLE t ADD a pg_catalog /* . */ . -- c\n json /* d */ [ ];",
            "ALTER TABLE t ADD a JSONB[];",
        ),
        (
            "prefer-timestamptz",
            "ALTER TABLE t ADD a timestamp(3)without/**/time zone;",
            "ALTER TABLE t ADD a TIMESTAMPTZ(3);",
        ),
        ("char-type", "ALTER TABLE t ADD é CHAR  (3) [];", "ALTER TABLE t ADD é VARCHAR(3)[];"),
        (
            "prefer-timestamptz",
            "ALTER TABLE t ADD a timestamp\n without time zone;",
            "ALTER TABLE t ADD a TIMESTAMPTZ;",
        ),
        (
            "uuid-ossp-default",
            "ALTER TABLE t ADD a uuid DEFAULT public . uuid_generate_v4 ( );",
            "ALTER TABLE t ADD a uuid DEFAULT gen_random_uuid();",
        ),
        (
            "create-without-or-replace",
            "/* ё */ create view v as select 1;",
            "/* ё */ create or replace view v as select 1;",
        ),
        (
            "index-name",
            "CREATE INDEX users_i ON users (id); COMMENT ON INDEX users_i IS 'users_i';",
            "CREATE INDEX idx_users_i ON users (id); COMMENT ON INDEX idx_users_i IS 'users_i';",
        ),
    ],
)
def test_words_are_found_where_they_stand(rule: str, before: str, after: str) -> None:
    assert mended(rule, before) == after
