"""What the family locking says beyond its examples: names, times, the SQL for the very table, one finding a hazard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.judging import HEAD, UP, judge

if TYPE_CHECKING:
    from elf_sqlcheck.model import Finding

BEFORE = """
CREATE TABLE users (id uuid PRIMARY KEY, email text, age int);
CREATE TABLE posts (id uuid PRIMARY KEY, user_id uuid, title varchar(50));
CREATE TABLE events (id int NOT NULL, user_id uuid) PARTITION BY RANGE (id);
"""


def judged(sql: str, *, more: str = "", before: str = BEFORE, **settings: object) -> list[Finding]:
    """The findings of the family in a migration that comes after `before`."""
    files = {
        "migrations/20250101_000000_before.sql": f"{HEAD}{UP}{before}",
        "migrations/20250102_000000_now.sql": f"{HEAD}{more}{UP}{sql}",
    }
    settings = {"lock-timeout": "5s", **{name.replace("_", "-"): value for name, value in settings.items()}}
    findings, _ = judge(files, "locking", settings=settings)
    return [finding for finding in findings if "now" in finding.path]


@pytest.mark.parametrize(
    ("sql", "rules"),
    [
        ("ALTER TABLE users ADD COLUMN a int UNIQUE CHECK (a > 0);",
         ["unique-without-using-index", "check-without-not-valid"]),
        ("ALTER TABLE users ADD COLUMN a serial PRIMARY KEY;", ["add-column-rewrite"]),
        ("ALTER TABLE users ADD COLUMN a uuid DEFAULT gen_random_uuid() UNIQUE;", ["add-column-rewrite"]),
        ("ALTER TABLE users ALTER id TYPE text, ADD CHECK (age > 0), ALTER email SET NOT NULL;",
         ["column-type-rewrite", "check-without-not-valid", "set-not-null-scan"]),
        ("ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES users, ALTER title TYPE text;",
         ["foreign-key-without-not-valid"]),
        ("DO $$ BEGIN ALTER TABLE users ADD CHECK (age > 0); END $$;", ["check-without-not-valid"]),
        ("ALTER TABLE users ADD CONSTRAINT c CHECK (age > 0) NOT VALID; ALTER TABLE users VALIDATE CONSTRAINT c;",
         ["validate-in-same-transaction"]),
        ("CREATE TABLE logs (id int); INSERT INTO logs SELECT age FROM users; ALTER TABLE logs ADD CHECK (id > 0);",
         ["check-without-not-valid"]),
        ("CREATE TABLE logs (id int); INSERT INTO logs VALUES (1); ALTER TABLE logs ADD CHECK (id > 0);", []),
    ],
)  # fmt: skip
def test_one_hazard_is_one_finding(sql: str, rules: list[str]) -> None:
    assert sorted(finding.rule for finding in judged(sql)) == sorted(rules)


def test_a_known_size_says_how_long_it_takes() -> None:
    sizes = {"public.users": 12_000_000}
    (index,) = judged("CREATE INDEX i ON users (email);", table_sizes=sizes)
    assert (
        "blocks all writes to users while Postgres reads all rows of users and builds the index (about 25 s)"
        in index.message
    )
    (rewrite,) = judged("ALTER TABLE users ALTER age TYPE bigint;", table_sizes=sizes)
    assert "(to read it once takes about 25 s)" in rewrite.message


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE INDEX i ON users (age);", "ALTER TABLE users ADD CHECK (age > 0);",
        "ALTER TABLE users ADD UNIQUE (age);",
        "ALTER TABLE users ALTER email SET NOT NULL;", "ALTER TABLE users ALTER age TYPE bigint;", "CLUSTER users;",
        "ALTER TABLE users ADD COLUMN x int; UPDATE users SET x = 1;", "DROP INDEX users_email;",
        "REINDEX TABLE users;",
        "ALTER TABLE users ADD COLUMN token uuid DEFAULT gen_random_uuid();",
    ],
)  # fmt: skip
def test_a_small_table_keeps_nobody_waiting(sql: str) -> None:
    before = f"{BEFORE} CREATE INDEX users_email ON users (email);"
    assert judged(sql, before=before)
    assert not judged(sql, before=before, table_sizes={"public.users": 300})


@pytest.mark.parametrize(
    ("sql", "instead"),
    [
        ("CREATE UNIQUE INDEX i\n  ON users (lower(email)) -- once\n  WHERE age > 1;",
         "CREATE UNIQUE INDEX CONCURRENTLY i ON users (lower(email)) WHERE age > 1;"),
        ("ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES users;",
         "ADD CONSTRAINT posts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users NOT VALID; and in a later"),
        ("ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES users;",
         "ALTER TABLE posts VALIDATE CONSTRAINT posts_user_id_fkey;"),
        ("ALTER TABLE posts ADD COLUMN a uuid DEFAULT NULL REFERENCES users ON DELETE CASCADE;",
         "FOREIGN KEY (a) REFERENCES users ON DELETE CASCADE NOT VALID;"),
        ("ALTER TABLE users ADD CONSTRAINT one UNIQUE NULLS NOT DISTINCT (email, age);",
         "CREATE UNIQUE INDEX CONCURRENTLY one ON users (email, age) NULLS NOT DISTINCT;"),
        ("ALTER TABLE posts DROP CONSTRAINT posts_pkey, ADD PRIMARY KEY (user_id, id);", "(once user_id is NOT NULL)"),
        ("CREATE INDEX i ON events (user_id);", "CREATE INDEX i ON ONLY events (user_id);"),
        ("ALTER TABLE events ADD FOREIGN KEY (user_id) REFERENCES users;", "before Postgres 18"),
        ("ALTER TABLE users ADD COLUMN n bigserial;",
         "ALTER TABLE users ADD COLUMN n bigint; CREATE SEQUENCE users_n_seq"),
        ("ALTER TABLE users ALTER email SET NOT NULL;",
         "ADD CONSTRAINT users_email_not_null CHECK (email IS NOT NULL) NOT VALID;"),
    ],
)  # fmt: skip
def test_what_to_write_is_meant_for_the_very_table(sql: str, instead: str) -> None:
    found = judged(sql)
    assert instead in found[0].instead


def test_postgres_18_makes_not_null_without_a_check() -> None:
    (finding,) = judged("ALTER TABLE users ALTER email SET NOT NULL;", postgres_version=18)
    assert "ADD CONSTRAINT users_email_not_null NOT NULL email NOT VALID;" in finding.instead


def test_the_foreign_key_names_both_tables_and_the_lock_its_holder() -> None:
    (key,) = judged("ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES users;")
    assert "blocks all writes to posts and users" in key.message
    (work,) = judged("ALTER TABLE posts ADD COLUMN x int;\nUPDATE users SET age = 1;")
    assert "UPDATE of users runs while line 6 holds ACCESS EXCLUSIVE on posts" in work.message


def test_a_new_type_that_touches_no_row_may_still_build_an_index() -> None:
    before = f"{BEFORE} CREATE INDEX posts_long ON posts (title) WHERE length(title) > 9;"
    (finding,) = judged("ALTER TABLE posts ALTER title TYPE text;", before=before)
    assert "builds index posts_long anew" in finding.message
    assert finding.severity.label == "warning"


def test_a_lock_timeout_is_asked_for_once() -> None:
    found = judged("ALTER TABLE users ADD COLUMN a int; ALTER TABLE posts ADD COLUMN a int;", lock_timeout="")
    assert [finding.rule for finding in found] == ["missing-lock-timeout"]
    assert "all later reads and writes of users wait behind it" in found[0].message
    alone = judged("ALTER TABLE users ADD COLUMN a int;", more="-- Transaction: none\n", lock_timeout="")
    assert alone[0].instead == "SET lock_timeout = '5s';"


@pytest.mark.parametrize(("header", "rules"), [("2s", []), ("0", ["missing-lock-timeout"])])
def test_a_header_limits_the_wait(header: str, rules: list[str]) -> None:
    found = judged("ALTER TABLE users ADD COLUMN a int;", more=f"-- Lock-Timeout: {header}\n", lock_timeout="")
    assert [finding.rule for finding in found] == rules
