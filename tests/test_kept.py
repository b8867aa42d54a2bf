"""The schema that is kept of a long history: a run that begins with it finds what one finds that reads all of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elf_sqlcheck import cache, layouts, reading, registry
from elf_sqlcheck.catalog import kept
from elf_sqlcheck.catalog.calls import Routines
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.links import Links
from elf_sqlcheck.errors import CacheError
from elf_sqlcheck.fingerprint import told
from elf_sqlcheck.lint import lint
from elf_sqlcheck.tables import Table, keep
from tests import ddl_strategies
from tests.forks import run
from tests.migrate_files import write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from elf_sqlcheck.model import Migration

RULES = registry.select(registry.load(plugins=False), profile="supabase")
#: What the statements of the catalog's own tests leave out: what is called, settings, defaults, whole schemas.
MORE = (
    "CREATE OR REPLACE FUNCTION grow() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE grown (id int); END $$",
    "CREATE OR REPLACE FUNCTION grow() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP TABLE a; PERFORM more(); END $$",
    "CREATE OR REPLACE FUNCTION more() RETURNS void LANGUAGE sql AS $$ ALTER TABLE b ADD COLUMN z int; $$",
    "SELECT grow()",
    "SELECT more()",
    "DROP FUNCTION grow()",
    "SET search_path = app, public",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC",
    "CREATE TEMPORARY TABLE a (id int)",
    "ALTER SCHEMA app RENAME TO application",
    "DROP SCHEMA app CASCADE",
    "DO $$ BEGIN EXECUTE 'CREATE TABLE made (id int)'; END $$",
    "ALTER TABLE a OWNER TO somebody",
    "REASSIGN OWNED BY somebody TO another",
)
statement = st.one_of(ddl_strategies.statement, ddl_strategies.statement, st.sampled_from(MORE))
section = st.lists(statement, max_size=5).map(";\n".join)
history = st.lists(st.tuples(section, section), min_size=3, max_size=9)


@pytest.fixture(autouse=True)
def _everything_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(reading, "FEW", 0)
    monkeypatch.setattr(reading, "LITTLE", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def migrations(sections: Sequence[tuple[str, str]]) -> list[Migration]:
    files = {
        f"m/2025010{number // 10}_00000{number % 10}_a.sql": (
            f"-- ===== UP MIGRATION =====\n{up};\n-- ===== DOWN MIGRATION =====\n{down};\n".encode()
        )
        for number, (up, down) in enumerate([(ddl_strategies.GROUND, ""), *sections])
    }
    return layouts.read_all(files)


def folded(made: Sequence[Migration]) -> tuple[Catalog, Routines]:
    catalog, routines = Catalog(), Routines()
    for one in made:
        catalog.begin()
        catalog.apply_all(routines.read(one.up, one.data))
    return catalog, routines


def links(catalog: Catalog) -> dict[str, dict[Any, Any]]:
    return {field: dict(getattr(catalog.links, field).items()) for field in Links.FIELDS}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history)
def test_a_run_that_begins_with_what_was_kept_finds_the_same(tmp_path: Path, sections: list[tuple[str, str]]) -> None:
    folder = str(tmp_path / "m")
    for count in range(2, len(sections) + 2):
        judged = migrations(sections)[:count]
        files = {migration.path: migration.data for migration in judged}
        found = lint(judged, RULES, {"profile": "supabase"}, {judged[-1].path}, kept=(folder, files))
        anew = migrations(sections)[:count]
        expected = lint(anew, RULES, {"profile": "supabase"}, {anew[-1].path})
        assert found.findings == expected.findings
        assert [f.span for f in found.findings] == [f.span for f in expected.findings]
        state = kept.History(folder, judged, [*map(told, judged)])
        catalog, routines = state.begin(count - 1, count - 1)
        assert state.count == count - 1
        fresh, functions = folded(anew[: count - 1])
        assert list(catalog.objects.items()) == list(fresh.objects.items())
        assert links(catalog) == links(fresh)
        assert (catalog.migration, catalog.defaults) == (fresh.migration, fresh.defaults)
        assert {name: routines.known[name] for name in functions.known} == functions.known


def long_history(folder: Path, count: int = 30) -> Path:
    """Files whose last one adds a key to the table of the first; returns that."""
    write(folder, "20250101_000000_first", "CREATE TABLE first (id UUID DEFAULT gen_random_uuid() PRIMARY KEY);")
    for number in range(1, count):
        write(folder, f"20250101_0000{number:02}_t", f"CREATE TABLE t{number} (id UUID PRIMARY KEY, n INTEGER);")
    write(
        folder,
        "20250102_000000_last",
        "CREATE TABLE last (id UUID PRIMARY KEY, first_id UUID REFERENCES first(id)); SELECT 1 FROM firts;",
    )
    return folder / "20250102_000000_last.sql"


def said(path: Path, *more: str, cached: Path, inside: Path | None = None) -> str:
    done = run(
        "elf-sqlcheck", "lint", "--isolated", "--output-format", "json", *more, str(path),
        folder=inside or path.parent.parent, variables={**os.environ, "XDG_CACHE_HOME": str(cached)},
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert not done.stderr
    return done.stdout


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    return tmp_path / "home" / "cache"


def files_of(cached: Path) -> list[Path]:
    return sorted(path for path in cached.rglob("*") if path.is_file())


def test_the_command_keeps_what_it_found_and_says_the_same_with_it(tmp_path: Path, tables: Path) -> None:
    last = long_history(tmp_path / "migrations")
    anew = said(last, "--no-cache", cached=tables)
    assert not files_of(tables)
    assert said(last, cached=tables) == anew
    paths = files_of(tables)
    assert {path.parent.parent.name for path in paths} == {"files", "schemas"}, "one verdict is not worth it"
    for path in paths:
        assert path.stat().st_mode & 0o077 == 0 or path.parent.stat().st_mode & 0o077 == 0
    assert said(last, cached=tables) == anew
    assert files_of(tables) == paths


def test_an_edit_of_what_came_before_is_seen(tmp_path: Path, tables: Path) -> None:
    last = long_history(tmp_path / "migrations")
    before = said(last, cached=tables)
    write(last.parent, "20250101_000000_first", "CREATE TABLE other (id UUID DEFAULT gen_random_uuid() PRIMARY KEY);")
    after = said(last, cached=tables)
    assert after == said(last, "--no-cache", cached=tables)
    assert after != before


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"nonsense" * 1000),
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        lambda path: path.write_bytes(path.read_bytes().replace(b"Table", b"Tabel").replace(b"Finding", b"Found")),
        lambda path: path.write_bytes(
            bytes(byte ^ (number % 97 == 5) for number, byte in enumerate(path.read_bytes()))
        ),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["empty", "nonsense", "cut off", "another class", "flipped bits", "a folder"],
)
def test_a_table_that_is_broken_is_as_if_it_were_not_there(tmp_path: Path, tables: Path, spoil: Any) -> None:
    last = long_history(tmp_path / "migrations")
    anew = said(last, cached=tables)
    everything = said(last.parent, cached=tables)
    assert {path.parent.parent.name for path in files_of(tables)} == {"files", "schemas", "verdicts"}
    for path in files_of(tables):
        kept = path.read_bytes()
        spoil(path)
        assert said(last, cached=tables) == anew
        assert said(last.parent, cached=tables) == everything
        if path.is_file():
            path.write_bytes(kept)
    for path in files_of(tables):
        spoil(path)
    assert said(last, cached=tables) == anew
    assert said(last.parent, cached=tables) == everything
    assert said(last.parent, cached=tables) == everything, "whatever was broken has been mended or is left alone"


def test_nothing_is_kept_where_nothing_can_be_written(tmp_path: Path, tables: Path) -> None:
    last = long_history(tmp_path / "migrations")
    tables.parent.mkdir()
    tables.write_text("in the way")
    assert said(last, cached=tables) == said(last, "--no-cache", cached=tables)


def test_only_the_newest_tables_stay(tmp_path: Path) -> None:
    for number in range(cache.MOST + 3):
        path = tmp_path / f"{number}-x"
        assert keep(str(path), [("key", number)])
        os.utime(path, (number, number))
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{n}-x" for n in range(3, cache.MOST + 3)]


def test_a_table_runs_no_code(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return os.system, (f"touch {tmp_path}/pwned",)

    path = str(tmp_path / "table")
    assert keep(path, [("key", Evil())])
    with pytest.raises(CacheError, match="it holds a system"):
        Table(path, {}).get("key")
    assert not (tmp_path / "pwned").exists()


def test_runs_at_the_same_time_do_not_disturb_each_other(tmp_path: Path, tables: Path) -> None:
    last = long_history(tmp_path / "migrations")
    command = [os.path.join(os.path.dirname(sys.executable), "elf-sqlcheck"), "lint", "--isolated", "-q", str(last)]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tables)}
    runs = [
        subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(6)
    ]
    outputs = {process.communicate() for process in runs}
    assert len(outputs) == 1
    assert not next(iter(outputs))[1]
    assert {path.parent.parent.name for path in files_of(tables)} <= {"files", "schemas", "verdicts"}


def test_a_file_of_the_same_size_and_time_as_before_is_read_anew(tmp_path: Path, tables: Path) -> None:
    last = long_history(tmp_path / "migrations")
    first = last.parent / "20250101_000000_first.sql"
    time.sleep(2.6)  # until what was written before is old enough to be told by its times
    before = said(last, cached=tables)
    assert said(last, cached=tables) == before
    seen = first.stat()
    first.write_bytes(first.read_bytes().replace(b"TABLE first", b"TABLE other"))
    os.utime(first, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert first.stat().st_size == seen.st_size
    after = said(last, cached=tables)
    assert after == said(last, "--no-cache", cached=tables)
    assert after != before


def test_what_is_staged_is_told_by_its_blobs(tmp_path: Path, tables: Path) -> None:
    last = long_history(tmp_path / "migrations")

    def git(*arguments: str) -> None:
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        subprocess.run(["git", *arguments], cwd=tmp_path, env=environment, check=True, capture_output=True)

    def staged(*more: str) -> str:
        return said(last.parent, "--staged", *more, cached=tables, inside=tmp_path)

    git("init", "--quiet")
    git("add", "--all")
    whole = staged()
    assert whole == staged() == staged("--no-cache")
    assert "staged" in {path.name for path in files_of(tables)}
    write(last.parent, "20250101_000003_t", "CREATE TABLE firts (id UUID PRIMARY KEY, n INTEGER);")
    assert staged() == whole, "it is not staged"
    git("add", "--all")
    after = staged()
    assert after == staged() == staged("--no-cache")
    assert after != whole
