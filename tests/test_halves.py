"""Two processes find what one finds, and one does it when two cannot."""

from __future__ import annotations

import os
import signal
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from elf_sqlcheck import halves, reading, registry
from elf_sqlcheck.engine import Engine, Verdict
from elf_sqlcheck.errors import RuleError
from elf_sqlcheck.layouts import read_all
from elf_sqlcheck.lint import lint
from elf_sqlcheck.model import Migration

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from elf_sqlcheck.lint import Result

RULES = registry.builtin()
#: A few files of each kind: nothing wrong, findings, suppressed ones, one that a later file settles, one that breaks.
KINDS = (
    "CREATE TABLE {t} (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), created_at timestamptz DEFAULT now());",
    "CREATE TABLE {t} (id serial, owner_id uuid REFERENCES {before} (id));",
    "-- elf: allow non-uuid-id -- old\nCREATE TABLE {t} (id serial PRIMARY KEY);\nDROP TABLE {before};",
    "CREATE INDEX ON {before} (owner_id);\nALTER TABLE {before} ADD COLUMN note text NOT NULL;",
    "DO $$ BEGIN EXECUTE format('DROP TABLE %I', '{before}'); END $$;\nCREATE TABEL {t} ();",
)


def history(count: int) -> dict[str, bytes]:
    """Files of which later ones have to do with earlier ones."""
    files = {}
    for number in range(count):
        sql = KINDS[number % len(KINDS)].format(t=f"t{number}", before=f"t{max(number - 2, 0)}")
        down = f"\n-- ===== DOWN MIGRATION =====\nDROP TABLE IF EXISTS t{number};\n" if number % 3 else ""
        files[f"migrations/20250101_{number:06}_t{number}.sql"] = f"-- ===== UP MIGRATION =====\n{sql}\n{down}".encode()
    return files


def migrations(count: int = 130) -> list[Migration]:
    """The migrations of a history."""
    return read_all(history(count))


@pytest.fixture
def forks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The processes that are begun, on a machine of two processors."""
    begun: list[int] = []
    fork = os.fork

    def noting() -> int:
        pid = fork()
        begun.append(pid)
        return pid

    monkeypatch.setattr(halves, "has_two_processors", lambda: True)
    monkeypatch.setattr(os, "fork", noting)
    return begun


def alone(some: list[Migration], judged: Container[str] | None = None) -> Result:
    """What one process finds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(halves, "has_two_processors", lambda: False)
        return lint(some, RULES, judged=judged)


def whole(result: Result) -> list[list[Any]]:
    """All that is in the findings: they are equal when their rules and places are."""
    return [
        [getattr(finding, field) for field in finding._fields] for finding in (*result.findings, *result.suppressed)
    ]


def test_two_processes_find_what_one_finds(forks: list[int]) -> None:
    found = lint(migrations(), RULES)
    assert len(forks) == 1
    assert len(found.findings) > 100
    assert found.suppressed
    assert whole(found) == whole(alone(migrations()))


def test_they_do_when_not_all_are_judged(forks: list[int]) -> None:
    judged = {migration.path for number, migration in enumerate(migrations()) if number % 7}
    found = lint(migrations(), RULES, judged=judged)
    assert len(forks) == 1
    assert whole(found) == whole(alone(migrations(), judged))


def test_what_is_gone_is_said_once(forks: list[int]) -> None:
    path = "migrations/20241231_000000_gone.sql"
    found = lint(migrations(), RULES, {"main-deleted": (path,), "main-files": {path: b"SELECT 1;"}})
    assert len(forks) == 1
    assert [finding.path for finding in found.findings].count(path) == 1


def test_what_they_find_is_kept_for_the_next_run(
    forks: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    files = history(130)
    # Whether another makes it is asked of all of them, by the process that judges the first ones.
    files[[*files][2]] = b"DROP TABLE IF EXISTS never_made;"
    found = [lint(read_all(files), RULES, kept=("migrations", files)) for _ in range(2)]
    assert len(forks) == 1
    judge, judged = Engine.judge, []

    def noting(self: Engine, number: int, migration: Migration) -> Any:
        judged.append(number)
        return judge(self, number, migration)

    monkeypatch.setattr(Engine, "judge", noting)
    last = {**files, [*files][-1]: b"CREATE TABLE t129 (id uuid);"}
    lint(read_all(last), RULES, kept=("migrations", last))
    assert judged == [128, 129]
    changed = {**files, [*files][40]: b"CREATE TABLE t40 (id uuid);"}
    assert whole(found[0]) == whole(found[1]) == whole(alone(read_all(files)))
    found_again = lint(read_all(changed), RULES, kept=("migrations", changed))
    assert whole(found_again) == whole(alone(read_all(changed)))


def test_few_files_are_judged_by_one(forks: list[int]) -> None:
    lint(migrations(reading.MANY - 1), RULES)
    lint(migrations(), RULES, judged={migration.path for migration in migrations()[:5]})
    assert not forks


def test_it_is_not_worth_it_for_the_last_of_a_long_history(forks: list[int]) -> None:
    some = migrations(reading.MANY * 8)
    lint(some, RULES, judged={migration.path for migration in some[-reading.MANY :]})
    assert not forks


def test_a_process_that_is_killed_is_done_without(forks: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    here, work = os.getpid(), Verdict._fields

    class Killed(tuple[str, ...]):
        __slots__ = ()

        def __getitem__(self, key: Any) -> Any:
            if os.getpid() != here:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().__getitem__(key)

    monkeypatch.setattr(Verdict, "_fields", Killed(work))
    found = lint(migrations(), RULES)
    assert len(forks) == 1
    assert whole(found) == whole(alone(migrations()))
    with pytest.raises(ChildProcessError):
        os.waitpid(forks[0], 0)


@pytest.mark.parametrize("number", [3, 125], ids=["in the first files", "in the last files"])
def test_the_first_file_that_a_rule_breaks_on_is_named(
    forks: list[int], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    some = migrations()
    judge = Engine.judge

    def breaking(self: Engine, at: int, migration: Migration) -> Any:
        if at >= number:
            raise RuleError(f"broke on {migration.path}")
        return judge(self, at, migration)

    monkeypatch.setattr(Engine, "judge", breaking)
    with pytest.raises(RuleError, match=some[number].name):
        lint(some, RULES)
    assert len(forks) == 1
    with pytest.raises(ChildProcessError):
        os.waitpid(forks[0], 0)


def test_no_process_is_begun_where_there_can_be_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(halves, "has_two_processors", lambda: True)
    monkeypatch.setattr(os, "fork", refused)
    assert whole(lint(migrations(), RULES)) == whole(alone(migrations()))


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("max 100000", True), ("200000 100000", True), ("150000 100000", False), ("?", True), (None, True)],
)
def test_a_container_may_have_less_than_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str | None, expected: bool
) -> None:
    path = tmp_path / "cpu.max"
    if quota is not None:
        path.write_text(quota + "\n")
    monkeypatch.delitem(sys.modules, "psycopg", raising=False)
    quiet = tmp_path / "loadavg"
    quiet.write_text("0.20 0.18 0.12 1/80 11206\n")
    monkeypatch.setattr(halves, "_QUOTA", str(path))
    monkeypatch.setattr(halves, "_LOAD", str(quiet))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    assert halves.has_two_processors() is expected
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert not halves.has_two_processors()


def test_others_may_keep_the_processors_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "psycopg", raising=False)
    path = tmp_path / "loadavg"
    monkeypatch.setattr(halves, "_QUOTA", str(tmp_path / "none"))
    monkeypatch.setattr(halves, "_LOAD", str(path))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    assert halves.has_two_processors()
    for running, expected in ((1, True), (2, False), (9, False)):
        path.write_text(f"0.20 0.18 0.12 {running}/80 11206\n")
        assert halves.has_two_processors() is expected
    path.unlink()
    monkeypatch.setitem(sys.modules, "psycopg", ModuleType("psycopg"))
    assert not halves.has_two_processors()
