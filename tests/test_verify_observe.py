"""What verify sees of each statement: locks, rewrites, scans, WAL; and where lint had predicted something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck import layouts, registry, testing
from elf_sqlcheck.postgres.server import throwaway
from elf_sqlcheck.verify import Options, verify
from elf_sqlcheck.verify.observe import Observation
from elf_sqlcheck.verify.result import Observed, Step, Verification
from elf_sqlcheck.verify.running import run
from elf_sqlcheck.verify.stage import Stage
from tests import labelled
from tests.test_verify import made

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from elf_sqlcheck.model import Finding, Migration
    from elf_sqlcheck.postgres.server import Server

pytestmark = pytest.mark.slow

NONE = "-- Transaction: none\n"
ONLY = Options(rows=0, cuts=0)
TABLES = """
CREATE TABLE users (id serial PRIMARY KEY, name text);
CREATE TABLE posts (id int PRIMARY KEY, user_id int, title text);
CREATE INDEX posts_title ON posts (title);
INSERT INTO users (name) SELECT n FROM generate_series(1, 300) n;
INSERT INTO posts SELECT n, n, n FROM generate_series(1, 300) n;
"""
BEFORE = made(1, TABLES, "DROP TABLE posts;\nDROP TABLE users;")
Locks = list[tuple[str, str, str, bool]]


@pytest.fixture(scope="module")
def each_server(pg_bin: str) -> Iterator[Server]:
    """A server of every Postgres that there is."""
    with throwaway(pg_bin) as running:
        yield running


def observed(
    server: Server, up: str, *, header: str = "", options: Options = ONLY
) -> tuple[list[Observed], Verification]:
    result = verify([BEFORE, made(2, up, None, header=header)], server, options=options)
    return result.steps[-1].observed, result


def locks(one: Observed) -> Locks:
    return [(held.relation, held.mode, held.blocks, held.inherited) for held in one.locks]


def test_each_statement_of_a_transaction(each_server: Server) -> None:
    up = (
        "ALTER TABLE posts ADD CONSTRAINT writer FOREIGN KEY (user_id) REFERENCES users (id);\n"
        "ALTER TABLE users ALTER COLUMN id TYPE bigint;\n"
        "CREATE TABLE likes (id int);\n"
        "DROP INDEX posts_title;\n"
        "CREATE INDEX users_name ON users (name);"
    )
    seen, result = observed(each_server, up)
    assert result.findings == []
    assert [result.steps[-1].migration.text(one.span).split(" ")[0] for one in seen] == [
        "ALTER", "ALTER", "CREATE", "DROP", "CREATE",
    ]  # fmt: skip
    key, rewrite, table, drop, index = seen
    assert locks(key) == [
        ("public.posts", "share row exclusive", "writes", False),
        ("public.users", "share row exclusive", "writes", False),
    ]
    assert "public.posts" in key.scanned
    assert key.rewritten == ()
    assert locks(rewrite) == [
        ("public.posts", "access exclusive", "reads and writes", False),
        ("public.users", "access exclusive", "reads and writes", False),
    ]
    assert rewrite.rewritten == ("public.users",)
    assert rewrite.wal > 300 * 30, "a server that is replicated would have to send every row"
    assert all(inherited for *_, inherited in locks(table)), "what is new is in nobody's way"
    assert (table.rewritten, table.scanned) == ((), ())
    assert (drop.rewritten, drop.scanned) == ((), ())
    assert index.scanned == ("public.users",)
    assert all(one.ms > 0 and one.in_transaction and one.grows is None for one in seen)


def test_the_names_are_those_that_others_know(server: Server) -> None:
    up = "ALTER TABLE users RENAME TO people;\nALTER TABLE people ADD COLUMN age int;\nDROP TABLE posts;"
    seen, result = observed(server, up)
    assert result.findings == []
    assert locks(seen[1]) == [("public.users", "access exclusive", "reads and writes", True)]
    assert locks(seen[2])[0] == ("public.posts", "access exclusive", "reads and writes", False)


def test_what_cannot_run_in_a_transaction_is_watched(each_server: Server) -> None:
    up = (
        "SET lock_timeout = '5s';\n"
        "CREATE INDEX CONCURRENTLY users_name ON users (name);\n"
        "VACUUM FULL posts;\n"
        "BEGIN;\nALTER TABLE users ADD COLUMN age int;\nALTER TABLE users ADD COLUMN code uuid DEFAULT "
        "gen_random_uuid();\nCOMMIT;\n"
        "ALTER TABLE posts ADD COLUMN likes int;"
    )
    seen, result = observed(each_server, up, header=NONE)
    assert result.findings == []
    setting, index, full, first, second, alone = seen
    assert [one.in_transaction for one in seen] == [True, False, False, True, True, True]
    assert locks(setting) == []
    assert ("public.users", "share update exclusive", "", False) in locks(index)
    assert (index.scanned, index.rewritten) == (("public.users",), ())
    assert index.wal > 0
    assert ("public.posts", "access exclusive", "reads and writes", False) in locks(full)
    assert full.rewritten == ("public.posts",)
    assert locks(first) == [("public.users", "access exclusive", "reads and writes", False)]
    assert locks(second) == [("public.users", "access exclusive", "reads and writes", True)]
    assert second.rewritten == ("public.users",)
    assert locks(alone) == [("public.posts", "access exclusive", "reads and writes", False)]


def test_the_rehearsal_leaves_no_trace(each_server: Server) -> None:
    """Sequences stay advanced after a rollback, session locks and settings may stay, too: UP would meet them."""
    up = (
        "SELECT setval('fresh', 7, false);\n"
        "INSERT INTO users (name) VALUES ('one');\n"
        "DO $$ BEGIN ASSERT (SELECT max(id) FROM users) = 301; ASSERT nextval('fresh') = 7;\n"
        "    ASSERT nextval('set') = 100; ASSERT coalesce(current_setting('elf.seen', true), '') = '';\n"
        "    ASSERT NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory'); END $$;\n"
        "SELECT pg_advisory_lock(5), set_config('elf.seen', 'yes', false);"
    )
    before = "CREATE SEQUENCE fresh;\nCREATE SEQUENCE set;\nSELECT setval('set', 100, false);"
    chain = [BEFORE, made(2, before, None), made(3, up, None)]
    result = verify(chain, each_server, options=ONLY)
    assert [finding for finding in result.findings if finding.rule != "leaks-session-state"] == []
    assert len(result.steps[-1].observed) == 4


def test_a_statement_that_fails_ends_it_and_is_reported_once(server: Server) -> None:
    up = "ALTER TABLE users ADD COLUMN age int;\nSELECT missing();\nALTER TABLE users ADD COLUMN more int;"
    seen, result = observed(server, up)
    assert [finding.rule for finding in result.findings] == ["does-not-apply"]
    assert len(seen) == 1


@pytest.mark.parametrize("up", ["SELECT pg_terminate_backend(pg_backend_pid());", "SELECT pg_sleep(60);"])
def test_a_session_that_ends_and_a_statement_that_does_not(server: Server, up: str) -> None:
    seen, result = observed(server, up, options=Options(rows=0, cuts=0, statement_timeout=1))
    assert [finding.rule for finding in result.findings] == ["does-not-apply"]
    assert seen == []


def test_rows_that_an_index_finds_are_not_a_scan_of_all(server: Server) -> None:
    seen, _ = observed(server, "UPDATE users SET name = 'x' WHERE id = 7;\nUPDATE users SET name = 'x';")
    assert [one.scanned for one in seen] == [(), ("public.users",)]
    assert locks(seen[0]) == [("public.users", "row exclusive", "", False)]


def test_truncate_writes_nothing_anew(server: Server) -> None:
    seen, result = observed(server, "TRUNCATE posts;")
    assert (seen[0].rewritten, seen[0].scanned) == ((), ())
    assert result.findings == []


def test_what_grows_with_the_table(server: Server) -> None:
    up = (
        "ALTER TABLE users ADD COLUMN code uuid DEFAULT gen_random_uuid();\n"
        "ALTER TABLE users ADD COLUMN age int DEFAULT 7;\n"
        "UPDATE posts SET title = title || '!';"
    )
    seen, result = observed(server, up, options=Options(rows=20_000, cuts=0))
    assert [finding for finding in result.findings if finding.severity.name == "ERROR"] == []
    assert [one.grows for one in seen] == [True, False, True]


def test_a_prediction_that_differs(server: Server) -> None:
    rule = next(rule for rule in registry.builtin() if rule.name == "prediction-differs")
    case = testing.case(rule.bad[0])
    (finding,) = verify(case.migrations(), server, only={case.path}, options=ONLY).findings
    assert finding.rule == "prediction-differs"
    assert finding.message == (
        "Postgres writes all rows of public.teams anew, "
        "where lint predicts that it leaves the rows of public.teams alone"
    )


# Every difference between what lint predicts and what a server does is a bug of ours: in the labelled corpus, and in
# the examples of the rules that speak of locks and of work. Postgres does the same work on a table without rows. Of
# what is not about locks at all, every third is tried.
FAMILIES = {"locking": 1, "data": 3}
CASES = [case for case in labelled.cases() if not case.runs and not case.config.get("profile")]
EXAMPLES = [
    (f"{rule.name}-{number}", testing.case(example))
    for rule in testing.linted(registry.builtin())
    if rule.family in {"locking", "data"}
    for number, example in enumerate((*rule.bad, *rule.good), 1)
][::3]


def differing(server: Server, migrations: Sequence[Migration], judged: set[str]) -> list[Finding]:
    """What is found when the migrations of `judged` are observed, on tables that the others have made."""
    rules = [rule for rule in registry.builtin() if rule.name == "prediction-differs"]
    stage, check = Stage(server, migrations, rules, ONLY), Observation()
    try:
        for migration in migrations:
            step = Step(migration, judged=migration.path in judged)
            if not step.judged:
                assert run(stage, migration, migration.up) is None
                continue
            check.before(stage, step)
            with check.during(stage, step):
                if run(stage, migration, migration.up) is not None:
                    break
    finally:
        stage.close(keep=False)
    return stage.result.findings


@pytest.mark.parametrize("family", FAMILIES)
def test_lint_predicts_what_the_server_does_in_the_corpus(server: Server, family: str) -> None:
    for case in [case for case in CASES if case.family == family][:: FAMILIES[family]]:
        files = [*([case.base] if case.base else []), *case.main, *case.files]
        texts = {file.path: file.text.encode("utf-8", "surrogateescape") for file in files}
        found = differing(server, list(layouts.read_all(texts)), {file.path for file in case.files})
        assert not [finding.message for finding in found], case.name


def test_lint_predicts_what_the_server_does_in_examples(server: Server) -> None:
    for name, case in EXAMPLES:
        found = differing(server, case.migrations(), {case.path})
        assert not [finding.message for finding in found], name
