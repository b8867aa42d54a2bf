"""Verify on a long history: what an earlier run has applied is not applied again; several majors of Postgres."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from elf_sqlcheck import sql
from elf_sqlcheck.cli.sqlcheck import cli
from elf_sqlcheck.postgres import saved
from elf_sqlcheck.postgres.find import find
from elf_sqlcheck.postgres.reader import unpack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

COMMAND = os.path.join(os.path.dirname(sys.executable), "elf-sqlcheck")
BEGAN = "began after"
OLD = "/usr/lib/postgresql/15/bin"


@pytest.fixture(scope="module")
def cache() -> Iterator[str]:
    """A cache of our own that the account of the servers can read."""
    folder = f"/tmp/sqlcheck-cache-{os.getpid()}"
    os.mkdir(folder, 0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def states(cache: str) -> str:
    """The folder of states, empty."""
    folder = os.path.join(cache, "elf-sqlcheck", "states")
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def write(folder: Path, number: int, up: str, down: str) -> str:
    folder.mkdir(exist_ok=True)
    path = folder / f"202501{number:02}_000000_m{number}.sql"
    path.write_text(f"-- ===== UP MIGRATION =====\n{up}\n-- ===== DOWN MIGRATION =====\n{down}\n")
    return f"migrations/{path.name}"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two migrations that take their time, and a third that leaves something behind and loses something."""
    folder = tmp_path / "migrations"
    write(folder, 1, "CREATE TABLE teams (id int PRIMARY KEY, n serial);\nSELECT pg_sleep(0.4);", "DROP TABLE teams;")
    write(folder, 2, "CREATE TABLE users (id int REFERENCES teams);\nGRANT SELECT ON users TO nobody_made_me;",
          "DROP TABLE users;")  # fmt: skip
    write(folder, 3, "CREATE INDEX by_team ON users (id);\nALTER TABLE teams ALTER COLUMN n DROP DEFAULT;", "SELECT 1;")
    return tmp_path


def verify(project: Path, cache: str, *arguments: str) -> tuple[int, list[dict[str, object]], str]:
    """Run the command; returns its exit status, what it found, and what it said besides."""
    done = subprocess.run(
        [COMMAND, "verify", *arguments, "--rows", "0", "--cuts", "0", "--output-format", "json"],
        cwd=project,
        env={**os.environ, "XDG_CACHE_HOME": cache},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)["findings"], done.stderr


def call(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, "verify", *arguments], cwd=project, capture_output=True, text=True, check=False)


LAST = "migrations/20250103_000000_m3.sql"


def test_the_second_run_begins_where_the_first_one_judged(project: Path, cache: str, states: str) -> None:
    cold = verify(project, cache, LAST)
    warm = verify(project, cache, LAST)
    anew = verify(project, cache, LAST, "--no-cache")
    assert BEGAN not in cold[2]
    assert f"{BEGAN} 2 migrations" in warm[2]
    assert BEGAN not in anew[2]
    assert cold[:2] == warm[:2] == anew[:2]
    assert {"rollback-leaves-behind", "rollback-does-not-restore"} <= {finding["rule"] for finding in cold[1]}
    assert cold[2].count("nobody_made_me") == warm[2].count("nobody_made_me") == 1
    # Whoever judges all of them begins at the beginning.
    assert BEGAN not in verify(project, cache)[2]


def test_the_longest_state_that_fits_is_taken(project: Path, cache: str, states: str) -> None:
    verify(project, cache, LAST)
    fourth = write(project / "migrations", 4, "CREATE TABLE more (id int);", "DROP TABLE more;")
    status, findings, said = verify(project, cache, fourth)
    assert (status, findings) == (0, [])
    assert f"{BEGAN} 2 migrations" in said
    write(project / "migrations", 2, "CREATE TABLE users (id int, teams int);", "DROP TABLE users;")
    assert BEGAN not in verify(project, cache, LAST)[2], "what came before is not the same any more"


def test_what_is_known_of_the_schema_grows_with_the_states(project: Path, cache: str, states: str) -> None:
    verify(project, cache, LAST)
    write(project / "migrations", 4, "CREATE TABLE more (id int);\nSELECT pg_sleep(0.4);", "DROP TABLE more;")
    fifth = write(project / "migrations", 5, "ALTER TABLE more ADD COLUMN n int;", "ALTER TABLE more DROP COLUMN n;")
    assert f"{BEGAN} 2 migrations" in verify(project, cache, fifth)[2]
    assert f"{BEGAN} 4 migrations" in verify(project, cache, fifth)[2]
    known = []
    for state in [entry.path for entry in os.scandir(states) if entry.is_dir()]:
        [name] = [name for name in os.listdir(state) if name.startswith("schema-")]
        with open(f"{state}/{name}", "rb") as file:
            known.append({name for kind, name in unpack(file.read()).snapshot.objects if kind == "table"})
    two = {"public.teams", "public.users"}
    assert sorted(known, key=len) == [two, {*two, "public.more"}]


def test_rows_of_unlogged_tables_are_not_lost(project: Path, cache: str, states: str) -> None:
    up = "CREATE UNLOGGED TABLE queue (n int);\nINSERT INTO queue VALUES (1);\nSELECT pg_sleep(0.4);"
    write(project / "migrations", 1, f"CREATE TABLE teams (id int PRIMARY KEY, n serial);\n{up}", "DROP TABLE teams;")
    verify(project, cache, LAST)
    assert BEGAN not in verify(project, cache, LAST)[2]
    assert not os.path.isdir(states) or os.listdir(states) == []


def test_a_state_is_of_use_only_where_the_same_roles_are_missing(project: Path, cache: str, states: str) -> None:
    verify(project, cache, LAST)
    old = (project / LAST).read_text()
    (project / LAST).write_text(old.replace("SELECT 1;", "GRANT SELECT ON users TO somebody_else;"))
    other = verify(project, cache, LAST)
    assert BEGAN not in other[2], "one role more was there before the first migration"
    assert "nobody_made_me, somebody_else" in other[2]
    assert BEGAN in verify(project, cache, LAST)[2]
    (project / LAST).write_text(old)
    assert BEGAN in verify(project, cache, LAST)[2], "both are kept side by side"


def long_history(folder: Path) -> str:
    """Forty migrations, most of which have nothing to do with the last one; returns that one."""
    early = {
        10: "CREATE DOMAIN amount AS numeric CHECK (value >= 0);",
        11: "CREATE TABLE bills (id int PRIMARY KEY, total amount, payer int);\nSELECT pg_sleep(0.4);",
        12: "CREATE FUNCTION doubled(n amount) RETURNS amount LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';",
        13: "ALTER TABLE bills RENAME TO invoices;",
        14: "GRANT SELECT ON invoices TO nobody_made_me;",
    }
    for number in range(10, 49):
        write(folder, number, early.get(number, f"CREATE TABLE other{number} (id int PRIMARY KEY);"), "SELECT 1;")
    up = "ALTER TABLE invoices ADD CONSTRAINT owed CHECK (doubled(total) > 0);\n"
    up += "ALTER TABLE invoices ALTER payer SET NOT NULL;"
    down = "ALTER TABLE invoices DROP CONSTRAINT owed;\nALTER TABLE invoices ALTER payer DROP NOT NULL;"
    return write(folder, 49, up, down)


def test_of_a_kept_history_only_what_matters_is_read(
    tmp_path: Path, cache: str, states: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = long_history(tmp_path / "migrations")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", cache)
    parsed: list[bytes] = []
    parse = sql.parse

    def counted(data: bytes, *places: int) -> sql.Script:
        if b" MIGRATION ==" in data:
            parsed.append(data)
        return parse(data, *places)

    monkeypatch.setattr(sql, "parse", counted)
    command = ["verify", last, "--output-format", "json"]
    said = []
    for _ in range(2):
        parsed.clear()
        done = CliRunner().invoke(cli, command)
        assert done.exit_code in (0, 1), done.output
        said.append((done.stderr, json.loads(done.stdout)))
    assert f"{BEGAN} 39 migrations" in said[1][0]
    about = [text.partition(b"\n-- ===== DOWN")[0].splitlines()[1].decode() for text in parsed]
    assert sorted(about) == [
        "ALTER TABLE bills RENAME TO invoices;",
        "ALTER TABLE invoices ADD CONSTRAINT owed CHECK (doubled(total) > 0);",
        "CREATE DOMAIN amount AS numeric CHECK (value >= 0);",
        "CREATE FUNCTION doubled(n amount) RETURNS amount LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';",
        "CREATE TABLE bills (id int PRIMARY KEY, total amount, payer int);",
        "GRANT SELECT ON invoices TO nobody_made_me;",
    ]
    cold, warm = (without_times(result["verification"]["steps"][-1]) for _, result in said)
    assert cold == warm
    assert said[0][1]["findings"] == said[1][1]["findings"]


def without_times(value: Any) -> Any:
    """A member of a report without what is never the same twice."""
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key not in {"ms", "held_ms", "wal_bytes"}}
    return [without_times(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("broken", ["data/global/pg_control", "state.json", "data/PG_VERSION", "schema", "told"])
def test_a_state_that_is_broken_is_as_if_it_had_never_been(project: Path, cache: str, states: str, broken: str) -> None:
    cold = verify(project, cache, LAST)
    [state] = [entry.path for entry in os.scandir(states) if entry.is_dir()]
    if broken == "schema":
        broken = next(name for name in os.listdir(state) if name.startswith("schema-"))
    if broken == "told":
        with open(f"{state}/state.json", "r+", encoding="utf-8") as text:
            facts = json.load(text)
            text.seek(0)
            text.truncate()
            json.dump({**facts, "told": [[["a role"]], 5]}, text)
    else:
        with open(f"{state}/{broken}", "r+b") as file:
            file.truncate(1)
    again = verify(project, cache, LAST)
    assert again[:2] == cold[:2]
    assert BEGAN not in again[2]


def test_no_room_for_states_is_no_error(project: Path, cache: str, states: str) -> None:
    os.makedirs(os.path.dirname(states), exist_ok=True)
    with open(states, "w", encoding="utf-8") as file:
        file.write("a file is in the way")
    try:
        assert verify(project, cache, LAST)[0] == 1
        assert BEGAN not in verify(project, cache, LAST)[2]
    finally:
        os.unlink(states)


def test_runs_at_the_same_time_do_not_disturb_each_other(project: Path, cache: str, states: str) -> None:
    command = [COMMAND, "verify", LAST, "--output-format", "json"]
    environment = {**os.environ, "XDG_CACHE_HOME": cache}
    for _ in range(2):
        running = [
            subprocess.Popen(command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(3)
        ]
        said = [process.communicate() for process in running]
        assert [process.returncode for process in running] == [1, 1, 1], said
        assert len({json.dumps(json.loads(output)["findings"]) for output, _ in said}) == 1
    assert len([name for name in os.listdir(states) if not name.endswith(".lock")]) == 1


def test_the_oldest_states_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved, "MOST", 2)
    for number in range(4):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "some").write_bytes(b"x" * 10_000)
        os.utime(folder, (number, number))
    saved._prune(str(tmp_path), str(tmp_path / "0"))
    assert sorted(os.listdir(tmp_path)) == ["0", "3"], "the newest stays, whatever its age"


@pytest.mark.usefixtures("unnamed")
@pytest.mark.skipif(not os.path.isdir(OLD), reason="no second major here")
def test_several_majors_say_what_only_one_of_them_finds(tmp_path: Path, cache: str) -> None:
    folder = tmp_path / "migrations"
    write(folder, 1, "CREATE TABLE a (id int);\nCREATE TABLE left_over ();", "DROP TABLE a;")
    write(folder, 2, "CREATE TABLE b (id uuid DEFAULT uuidv7());", "DROP TABLE b;")
    status, findings, said = verify(tmp_path, cache, "--pg", "15,18")
    assert status == 1
    messages = {str(finding["rule"]): str(finding["message"]) for finding in findings}
    assert messages["does-not-apply"].startswith("on Postgres 15: UP fails: function uuidv7() does not exist")
    assert messages["rollback-leaves-behind"].startswith("after the rollback: "), "told once, for both"
    assert [finding["rule"] for finding in findings].count("rollback-leaves-behind") == 1
    assert "PostgreSQL 15" in said
    assert "PostgreSQL 18" in said


@pytest.mark.usefixtures("unnamed")
@pytest.mark.skipif(not os.path.isdir(OLD), reason="no second major here")
def test_several_majors_of_folders_that_are_named(tmp_path: Path, cache: str) -> None:
    write(tmp_path / "migrations", 1, "CREATE TABLE a (id int);", "DROP TABLE a;")
    new = find(major=18)
    both = f"{new.bin_dir}:{OLD}"
    status, findings, said = verify(tmp_path, cache, "--pg", "15,18", "--pg-bin", both)
    assert (status, findings) == (0, [])
    assert f"PostgreSQL {new.version} ({new.bin_dir})" in said
    assert f"({OLD})" in said
    done = call(tmp_path, "--pg", "15,18", "--pg-bin", OLD)
    assert done.returncode == 2
    assert f"there is no Postgres 18 in {OLD}, only 15" in done.stderr
    assert "--pg-bin DIR:DIR" in done.stderr


@pytest.mark.usefixtures("unnamed")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--pg", "9.6"), "these are no majors of Postgres"),
        (("--pg", "18,"), "these are no majors of Postgres"),
        (("--pg", "14,18"), "there is no Postgres 14 on this machine, only "),
        (("--pg", "18", "--keep"), "--keep leaves one server running"),
        (("--pg", "18", "--database-url", "postgres://a@b/c"), "--pg and --database-url exclude each other"),
    ],
)
def test_which_majors_there_are_is_said(tmp_path: Path, arguments: tuple[str, ...], expected: str) -> None:
    if "14,18" in arguments and find(major=14).major == 14:
        pytest.skip("there is a Postgres 14")
    write(tmp_path / "migrations", 1, "SELECT 1;", "SELECT 1;")
    done = call(tmp_path, *arguments)
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(shutil.which("psql") is None, reason="psql is the floor")
@pytest.mark.usefixtures("unnamed")
def test_the_bench_measures_and_judges() -> None:
    root = os.path.dirname(os.path.dirname(__file__))
    bench = os.path.join(root, "bench", "verify.py")
    command = [sys.executable, bench, "--counts", "2,3", "--rounds", "1", "--rows", "12000"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name in ("nothing running, one migration", "3 cold", "1 of 3 warm"):
        assert f"\n{name}" in done.stdout
    assert "at most 400 ms" in done.stdout
    assert "at most 1.3x" in done.stdout
