"""An application's queries: how their files are read, and what a real server says to them around a migration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.config import load
from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.postgres.server import throwaway
from elf_sqlcheck.verify import Options, Verification, verify
from elf_sqlcheck.verify.queries_file import parse, read
from tests import test_cli_verify
from tests.test_verify import made, shown
from tests.test_verify_traffic import databases

if TYPE_CHECKING:
    from pathlib import Path

    from elf_sqlcheck.postgres.server import Server

TEAMS = made(
    1,
    "CREATE TABLE teams (id int PRIMARY KEY, name text, size int);\nCREATE TABLE users (id int, team int);",
    "DROP TABLE users, teams;",
)


def texts(data: str) -> list[str]:
    return [" ".join(query.text.decode().split("\n")[-1].split()) for query in parse("q.sql", data.encode())]


def test_names_and_lines_of_sqlc_pgtyped_and_plain_files() -> None:
    data = """-- queries of the ä team
-- name: GetTeam :one
SELECT 1;

/* name: ListTeams :many */ SELECT 2;
/*
  @name addTeam
  @param team -> (name, size)
*/
INSERT INTO teams (name, size)
VALUES :team RETURNING id;
-- :name drop-team :! :n
DELETE FROM teams;

UPDATE teams SET name = ';'; -- the last
"""
    queries = parse("db/q.sql", data.encode())
    assert [(query.name, query.line) for query in queries] == [
        ("GetTeam", 3), ("ListTeams", 5), ("addTeam", 10), ("drop-team", 13), ("", 15),
    ]  # fmt: skip
    assert queries[0].where == "GetTeam (db/q.sql:3)"
    assert queries[4].where == "at db/q.sql:15"


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("SELECT :a, :b, :a", "SELECT $1, $2, $1"),
        ("SELECT @a::int, sqlc.arg(b), sqlc.narg('a'), SQLC.ARG(c)", "SELECT $1::int, $2, $1, $3"),
        ("SELECT $2, $1, :more", "SELECT $2, $1, $3"),
        ("SELECT * FROM t WHERE id = :id! AND x != :x", "SELECT * FROM t WHERE id = $1 AND x != $2"),
        ("SELECT * FROM t WHERE id IN :ids!", "SELECT * FROM t WHERE id IN ($1)"),
        ("SELECT * FROM t WHERE id IN (sqlc.slice('ids'))", "SELECT * FROM t WHERE id IN ($1)"),
        ("SELECT sqlc.embed(teams), t.x FROM teams", "SELECT teams.*, t.x FROM teams"),
        ("/* @name a @param users -> ((name, age)...) */ INSERT INTO t VALUES :users",
         "/* @name a @param users -> ((name, age)...) */ INSERT INTO t VALUES ($1, $2)"),
        ("/* @name a @param ids -> (...) */ SELECT * FROM t WHERE id IN :ids",
         "/* @name a @param ids -> (...) */ SELECT * FROM t WHERE id IN ($1)"),
        ("SELECT :user.name, :user.age", "SELECT $1, $2"),
        ("SELECT a[1:n], x::int, ':no', \"@no\", j @> '{}', @ -5 -- :no", None),
        ("SELECT $$ :no $$, E'@no', j ->> 'x', 1 /* sqlc.arg(x) */", None),
    ],
)  # fmt: skip
def test_named_parameters_get_numbers(written: str, sent: str | None) -> None:
    assert texts(written) == [sent or written]


def test_lines_stay_where_they_were() -> None:
    query = parse("q.sql", b"SELECT sqlc.arg(\n  'a'\n),\n  nothing")[0]
    assert query.text == b"SELECT $1\n\n,\n  nothing"


def test_what_is_no_query_is_left_out_and_what_cannot_be_read_is_kept() -> None:
    assert texts("SET search_path = x;\nCREATE TABLE a (id int);\nSELECT 1;\nSELEC 2;") == ["SELECT 1", "SELEC 2"]


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "empty.sql").write_text("-- nothing yet\nCREATE TABLE a (id int);\n")
    (tmp_path / "open.sql").write_text("SELECT 1;\nSELECT 'no end")
    for name, said in (("empty.sql", "there is no query"), ("open.sql", "line 2"), ("none.sql", "No such file")):
        with pytest.raises(UsageError, match=said):
            read([str(tmp_path / name)])
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="there is no query"):
        read([str(tmp_path / "folder")])


def test_folders_are_read_whole_and_in_order(tmp_path: Path) -> None:
    for name in ("b/two.sql", "a/one.sql", "three.sql", "a/other.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"-- name: {path.stem} :one\nSELECT 1;")
    assert [query.name for query in read([str(tmp_path)])] == ["three", "one", "two"]


def judge(
    server: Server, queries: Path, up: str, down: str | None = None
) -> tuple[list[tuple[str, str]], Verification]:
    migration = made(2, up, down)
    options = Options(rows=0, cuts=0, observe=False, queries=(str(queries),))
    result = verify([TEAMS, migration], server, only=[migration.path], options=options)
    return shown([migration], result), result


@pytest.fixture
def queries(tmp_path: Path) -> Path:
    path = tmp_path / "teams.sql"
    path.write_text(
        "-- name: GetTeam :one\nSELECT name, size FROM teams WHERE id = $1;\n"
        "-- name: CountTeams :one\nSELECT count(*) FROM teams;\n"
        "-- name: GetMotto :one\nSELECT motto FROM teams WHERE id = @id;\n"
    )
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("up", "blamed", "said"),
    [
        ("CREATE INDEX ON teams (name);\nALTER TABLE users ADD name text;\nALTER TABLE teams DROP name;",
         "ALTER TABLE teams DROP name", 'column "name" does not exist'),
        ("COMMENT ON TABLE teams IS 'x';\nDO $$ BEGIN ALTER TABLE teams RENAME COLUMN size TO members; END $$;",
         "ALTER TABLE teams RENAME COLUMN size TO members", 'column "size" does not exist'),
        ("ALTER TABLE users RENAME TO p;\nALTER TABLE teams ALTER id TYPE text;\nALTER TABLE teams RENAME TO groups;",
         "ALTER TABLE teams RENAME TO groups", 'relation "teams" does not exist'),
    ],
)  # fmt: skip
def test_old_code_that_breaks_is_found_at_the_statement_that_breaks_it(
    server: Server, queries: Path, up: str, blamed: str, said: str
) -> None:
    found, result = judge(server, queries, up)
    assert found == [("breaks-queries", blamed)]
    message = result.findings[0].message
    assert f"GetTeam ({queries}:2)" in message
    assert said in message
    assert "later migration" in result.findings[0].instead


@pytest.mark.slow
def test_several_queries_that_one_statement_breaks_are_one_finding(server: Server, queries: Path) -> None:
    found, result = judge(server, queries, "DROP TABLE teams;")
    both = [f"GetTeam ({queries}:2)", f"CountTeams ({queries}:4)"]
    assert found == [("breaks-queries", "DROP TABLE teams")]
    assert result.findings[0].message.startswith(f"the queries {', '.join(both)} no longer work after UP")
    assert result.steps[-1].more["queries"]["broken"] == both


@pytest.mark.slow
def test_new_code_is_no_finding(server: Server, queries: Path) -> None:
    found, result = judge(server, queries, "ALTER TABLE teams ADD motto text;", "ALTER TABLE teams DROP motto;")
    assert (found, result.notes) == ([], [])
    assert result.steps[-1].more["queries"] == {
        "asked": 3, "worked_before": 2, "broken": [], "changed": [], "new": [f"GetMotto ({queries}:6)"],
    }  # fmt: skip


@pytest.mark.slow
def test_a_query_that_never_works_is_named(server: Server, queries: Path) -> None:
    found, result = judge(server, queries, "SELECT 1;")
    assert found == []
    assert "GetMotto" in result.notes[-1]
    assert 'column "motto" does not exist' in result.notes[-1]


@pytest.mark.slow
def test_a_rollback_on_which_old_code_does_not_run(server: Server, queries: Path) -> None:
    found, result = judge(
        server, queries, "ALTER TABLE teams ADD x int;", "SELECT 1;\nALTER TABLE teams DROP x, DROP size;"
    )
    assert ("breaks-queries", "ALTER TABLE teams DROP x, DROP size") in found
    message = next(finding.message for finding in result.findings if finding.rule == "breaks-queries")
    assert "worked before UP and does not after the rollback" in message


@pytest.mark.slow
def test_other_columns_are_a_warning(server: Server, queries: Path) -> None:
    up = "ALTER TABLE teams ADD x int;\nALTER TABLE teams ALTER size TYPE bigint;"
    found, result = judge(server, queries, up)
    assert found == [("changes-query-results", "ALTER TABLE teams ALTER size TYPE bigint")]
    assert "returns size as bigint, no longer as integer, after UP" in result.findings[0].message


@pytest.mark.slow
def test_a_type_that_is_made_anew_is_the_same_type(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "q.sql"
    path.write_text("SELECT mood FROM moods;")
    kind = "CREATE TYPE mood AS ENUM ('sad');\nCREATE TABLE moods (mood mood);"
    again = made(2, f"DROP TABLE moods;\nDROP TYPE mood;\n{kind}", None)
    options = Options(rows=0, cuts=0, observe=False, queries=(str(path),))
    assert verify([made(1, kind, None), again], server, only=[again.path], options=options).findings == []


@pytest.mark.slow
def test_no_query_is_ever_run_and_nothing_stays_in_the_session(pg_bin: str, tmp_path: Path) -> None:
    path = tmp_path / "q.sql"
    path.write_text(
        "INSERT INTO teams VALUES (1) RETURNING id;\nSELECT pg_terminate_backend(pg_backend_pid());\n"
        "SELECT set_config('search_path', 'nowhere', false), 1 / $1::int;\nSELECT setval('no_such', 3);"
    )
    up = (
        "DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM teams); "
        "ASSERT NOT EXISTS (SELECT FROM pg_prepared_statements); "
        "ASSERT current_setting('plan_cache_mode') = 'auto'; END $$;"
    )
    with throwaway(pg_bin) as running:
        found, result = judge(running, path, up, up)
    assert found == []
    assert result.steps[-1].more["queries"]["worked_before"] == 3


@pytest.mark.slow
def test_the_command_takes_files_and_folders_and_the_configuration(tmp_path: Path, server: Server) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "20250101_000000_a.sql").write_text(
        test_cli_verify.migration("CREATE TABLE teams (id int, name text);", "DROP TABLE teams;")
    )
    (folder / "20250102_000000_b.sql").write_text(
        test_cli_verify.migration("ALTER TABLE teams DROP name;", "ALTER TABLE teams ADD name text;")
    )
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "q.sql").write_text("-- name: Names :many\nSELECT name FROM teams;\n")
    url = ("--database-url", server.url)
    before = databases(server)
    done = test_cli_verify.verify(folder, *url, "--queries", "db")
    assert done.returncode == 1
    assert "20250102_000000_b.sql:2:1  error  breaks-queries" in done.stdout
    assert "Names (db/q.sql:2)" in done.stdout
    assert test_cli_verify.verify(folder, *url).returncode == 0
    (tmp_path / "elf-sqlcheck.toml").write_text('queries = ["db/q.sql"]\n')
    assert test_cli_verify.verify(folder, *url).returncode == 1
    done = test_cli_verify.verify(folder, *url, "--queries", "nowhere.sql")
    assert done.returncode == 2
    assert "nowhere.sql" in done.stderr
    assert databases(server) == before


def test_the_configuration_lists_them(tmp_path: Path) -> None:
    (tmp_path / "elf-sqlcheck.toml").write_text('queries = ["db/queries"]\n')
    config = load(str(tmp_path))
    assert config.queries == ("db/queries",)
    assert config.absolute(config.queries[0]) == str(tmp_path / "db" / "queries")
