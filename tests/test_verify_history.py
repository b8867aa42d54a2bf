"""Verify on a long history: what an earlier run has applied is not applied again; several majors of Postgres."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.postgres import saved
from elf_sqlcheck.postgres.find import find

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
    path = folder / f"2025010{number}_000000_m{number}.sql"
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


def test_rows_of_unlogged_tables_are_not_lost(project: Path, cache: str, states: str) -> None:
    up = "CREATE UNLOGGED TABLE queue (n int);\nINSERT INTO queue VALUES (1);\nSELECT pg_sleep(0.4);"
    write(project / "migrations", 1, f"CREATE TABLE teams (id int PRIMARY KEY, n serial);\n{up}", "DROP TABLE teams;")
    verify(project, cache, LAST)
    assert BEGAN not in verify(project, cache, LAST)[2]
    assert not os.path.isdir(states) or os.listdir(states) == []


@pytest.mark.parametrize("broken", ["data/global/pg_control", "state.json", "data/PG_VERSION", "schema"])
def test_a_state_that_is_broken_is_as_if_it_had_never_been(project: Path, cache: str, states: str, broken: str) -> None:
    cold = verify(project, cache, LAST)
    [state] = [entry.path for entry in os.scandir(states) if entry.is_dir()]
    if broken == "schema":
        broken = next(name for name in os.listdir(state) if name.startswith("schema-"))
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
    command = [sys.executable, os.path.join(root, "bench", "verify.py"), "--counts", "2,3", "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name in ("nothing running, one migration", "3 cold", "1 of 3 warm"):
        assert f"\n{name}" in done.stdout
    assert "at most 2.5x" in done.stdout
