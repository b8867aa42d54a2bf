"""What is kept of the findings of a folder: a run that begins with it finds what one finds that judges everything."""

from __future__ import annotations

import os
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elf_sqlcheck import halves, layouts, reading, registry, stamps
from elf_sqlcheck.engine import Engine
from elf_sqlcheck.lint import Result, lint
from tests import ddl_strategies
from tests.test_kept import MORE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

RULES = registry.select(registry.load(plugins=False), profile="supabase")
#: What later files take back or bring, and what is asked of all files together.
TOGETHER = (
    "CREATE TABLE exposed (id uuid PRIMARY KEY, a_id uuid REFERENCES a)",
    "ALTER TABLE exposed ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY own ON exposed FOR ALL USING (true)",
    "CREATE POLICY own_too ON exposed FOR SELECT USING (auth.uid() = id)",
    "DROP POLICY own ON exposed",
    "CREATE INDEX exposed_a ON exposed (a_id)",
    "CREATE VIEW seen AS SELECT * FROM exposed",
    "ALTER VIEW seen SET (security_invoker = true)",
    "GRANT SELECT ON exposed TO authenticated",
    "ALTER TABLE exposed ADD COLUMN created_at timestamptz",
    "DROP TABLE exposed",
    "DO $$ BEGIN EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t); END $$",
    "DO $$ BEGIN EXECUTE format('CREATE POLICY p ON %I', t); END $$",
    "ALTER TABLE exposed OWNER TO elf_sales",
    "GRANT SELECT ON exposed TO elf_support",
    "-- elf: allow policy-always-true -- everybody may\nCREATE POLICY allowed ON exposed FOR ALL USING (true)",
    "-- elf: allow table-without-rls -- it is public\nCREATE TABLE allowed (id uuid PRIMARY KEY)",
)
statement = st.one_of(ddl_strategies.statement, st.sampled_from((*MORE, *TOGETHER)), st.sampled_from(TOGETHER))
section = st.lists(statement, max_size=4).map(";\n".join)
header = st.sampled_from(
    (
        "",
        "",
        "-- Team: Sales\n",
        "-- Team: Support\n",
        '-- Dependencies: ["20250101_000003"]\n',
        "-- Transaction: none\n",
    )
)
text = st.tuples(header, section, section)
#: What happens to the folder: nothing, or a number is written anew, taken away or put behind all others.
edit = st.tuples(
    st.sampled_from(("write", "write last", "write last", "append", "append", "remove last", "remove", "nothing")),
    st.integers(0, 30),
    text,
)
#: Which files are judged: all, the last, every second.
asked = st.sampled_from(("all", "all", "all", "last", "some"))


class Folder:
    """A folder of migrations whose files have their times told, so that each edit has another one."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.time = 1_700_000_000
        self.next = 0
        place.mkdir(parents=True)

    def write(self, name: str, content: tuple[str, str, str]) -> None:
        head, up, down = content
        path = self.place / name
        path.write_text(f"{head}-- ===== UP MIGRATION =====\n{up};\n-- ===== DOWN MIGRATION =====\n{down};\n", "utf-8")
        self.time += 1
        os.utime(path, (self.time, self.time))

    def append(self, content: tuple[str, str, str]) -> None:
        self.write(f"20250101_{self.next:06}_a.sql", content)
        self.next += 1

    def edit(self, what: str, number: int, content: tuple[str, str, str]) -> None:
        names = self.names()
        if what == "append" or not names:
            self.append(content)
        else:
            name = names[-1] if what.endswith("last") else names[number % len(names)]
            if what.startswith("remove"):
                (self.place / name).unlink()
            elif what.startswith("write"):
                self.write(name, content)

    def names(self) -> list[str]:
        return sorted(os.listdir(self.place))

    def paths(self) -> list[str]:
        return [str(self.place / name) for name in self.names()]


def judged_of(paths: Sequence[str], which: str) -> set[str]:
    return {"all": set(paths), "last": set(paths[-1:]), "some": set(paths[::2])}[which]


def found(result: Result) -> list[Any]:
    """All that a report may show, places too, which comparisons of findings leave out."""
    return [
        (
            one.rule, one.severity, one.message, one.path, one.why, one.instead,
            one.span and (one.span.start, one.span.end),
            one.fix and [(e.span.start, e.span.end, e.text, e.path) for e in one.fix.edits],
        )
        for one in (*result.findings, *result.suppressed)
    ]  # fmt: skip


@pytest.fixture(autouse=True)
def _everything_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(reading, "FEW", 0)
    monkeypatch.setattr(reading, "LITTLE", 0)
    monkeypatch.setattr(reading, "_SURE", -(1 << 62))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def again(folder: Folder, which: str, more: dict[str, Any] | None = None) -> Result:
    """What is found with what was kept."""
    options = {"profile": "supabase", "teams": {}, **(more or {})}
    paths = folder.paths()
    files = stamps.Files(str(folder.place), paths, reading.OnDisk(layouts.read_bytes))
    migrations = layouts.read_all(files, "elf")
    return lint(migrations, RULES, options, judged_of(paths, which), kept=(str(folder.place), files))


def both(folder: Folder, which: str, more: dict[str, Any]) -> tuple[Result, Result]:
    """What is found with what was kept, and without."""
    return again(folder, which, more), anew(folder, which, more)


def anew(folder: Folder, which: str, more: dict[str, Any]) -> Result:
    """What is found without what was kept."""
    paths = folder.paths()
    whole = {path: layouts.read_bytes(path) for path in paths}
    options = {"profile": "supabase", "teams": {}, **more}
    return lint(layouts.read_all(whole, "elf"), RULES, options, judged_of(paths, which))


@contextmanager
def two_processes() -> Iterator[None]:
    """As if there were many files and a processor for each process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(halves, "has_two_processors", lambda: True)
        patch.setattr(halves, "_GAIN", 0)
        for module in (halves, reading):
            patch.setattr(module, "MANY", 2)
        yield


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(text, min_size=4, max_size=9),
    st.lists(st.tuples(edit, asked, st.booleans()), min_size=2, max_size=8),
    st.booleans(),
)
def test_a_run_after_edits_finds_what_one_finds_that_judges_everything(
    tmp_path_factory: pytest.TempPathFactory,
    begun: list[tuple[str, str, str]],
    edits: list[tuple[tuple[str, int, tuple[str, str, str]], str, bool]],
    split: bool,
) -> None:
    folder = Folder(tmp_path_factory.mktemp("run") / "m")
    folder.append(("", ddl_strategies.GROUND, ""))
    for content in begun:
        folder.append(content)
    for change, which, is_branch in [(("nothing", 0, ("", "", "")), "all", False), *edits]:
        folder.edit(*change)
        paths = folder.paths()
        if not paths:
            continue
        branch = {
            "main-added": frozenset(paths[-2:]), "main-files": {paths[0]: b"SELECT 1;"}, "main-deleted": (),
            "main-newest": "20250101_000003",
        }  # fmt: skip
        more = branch if is_branch else {}
        expected = found(anew(folder, which, more))
        with two_processes():
            assert found(anew(folder, which, more)) == expected
        with two_processes() if split else nullcontext():
            assert found(again(folder, which, more)) == expected


_OPEN = "CREATE TABLE IF NOT EXISTS open (id uuid PRIMARY KEY)"
_ON = "ALTER TABLE open ENABLE ROW LEVEL SECURITY"
_WAITING = ('-- Dependencies: ["20250101_000005_last"]\n', _OPEN, "")
_FIRST, _LAST = "20250101_000001_first.sql", "20250101_000005_last.sql"


@pytest.mark.parametrize(
    ("first", "last", "name", "rule"),
    [
        (("", _OPEN, ""), ("", "SELECT 1", ""), "20250101_000001_last.sql", "duplicate-version"),
        (_WAITING, ("", "SELECT 1", ""), _LAST, "missing-dependency"),
        (_WAITING, ("", "SELECT 1", ""), _LAST, "dependency-later"),
        (("", _OPEN, ""), ("", _ON, ""), _LAST, "table-without-rls"),
        (
            ("", f"-- elf: allow table-without-rls -- it is for all\n{_OPEN}", ""),
            ("", _ON, ""),
            _LAST,
            "unused-suppression",
        ),
        (
            ("", _OPEN, ""),
            ("", "DO $$ BEGIN EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', 'x'); END $$", ""),
            _LAST,
            "table-without-rls",
        ),
        (("", f"{_OPEN}; {_ON}", ""), ("", "DROP TABLE open", ""), _LAST, "rls-without-policy"),
        (
            ("", f"{_OPEN}; {_ON}; CREATE POLICY own ON open FOR ALL USING (true)", ""),
            ("", "DROP POLICY own ON open", ""),
            _LAST,
            "policy-always-true",
        ),
        (
            ("", f"{_OPEN}; CREATE TABLE b (id uuid PRIMARY KEY, open_id uuid REFERENCES open)", ""),
            ("", "CREATE INDEX b_open ON b (open_id)", ""),
            _LAST,
            "unindexed-foreign-key",
        ),
        (
            (
                "-- Team: Sales\n",
                "CREATE SCHEMA sales; CREATE TABLE sales.t (id int); ALTER TABLE sales.t OWNER TO support",
                "",
            ),
            ("-- Team: Support\n", "SELECT 1", ""),
            _LAST,
            "",
        ),
    ],
)
@pytest.mark.parametrize("ways", [("there", "gone"), ("gone", "there"), ("gone", "gone", "there", "there", "gone")])
def test_what_a_later_file_changes_of_an_earlier_one_is_seen(
    tmp_path: Path, first: Any, last: Any, name: str, rule: str, ways: tuple[str, ...]
) -> None:
    folder = Folder(tmp_path / "m")
    folder.write(_FIRST, first)
    for number in (2, 3):
        folder.write(f"20250101_00000{number}_other.sql", ("", f"CREATE TABLE other{number} (id uuid PRIMARY KEY)", ""))
    of_first = set()
    for way in ways:
        (folder.place / name).unlink(missing_ok=True)
        if way == "there":
            folder.write(name, last)
        kept, anew = both(folder, "all", {})
        assert found(kept) == found(anew)
        of_first.add(str([one for one in found(anew) if one[3].endswith(_FIRST) and rule in {"", one[0]}]))
    assert len(of_first) == 2, "the later file decides what is found in the first"


def test_only_what_has_changed_is_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(tmp_path / "m")
    for number in range(9):
        folder.append(("", f"CREATE TABLE t{number} (id uuid PRIMARY KEY)", ""))
    judged: list[int] = []
    read: list[str] = []
    judge, read_bytes = Engine.judge, layouts.read_bytes

    def watched_judge(self: Engine, number: int, one: Any) -> Any:
        judged.append(number)
        return judge(self, number, one)

    def watched_read(path: str) -> bytes:
        read.append(path)
        return read_bytes(path)

    monkeypatch.setattr(Engine, "judge", watched_judge)
    monkeypatch.setattr(layouts, "read_bytes", watched_read)
    again(folder, "all")
    assert judged == list(range(9))
    first = folder.names()
    for name, expected, most in (("", [], 0), (first[-1], [7, 8], 3), (first[4], [3, 4, 5, 6, 7, 8], 9)):
        judged.clear()
        read.clear()
        if name:
            folder.write(name, ("", "CREATE TABLE another (id uuid PRIMARY KEY)", ""))
        again(folder, "all")
        assert judged == expected
        assert len(read) <= most


def test_what_other_settings_and_rules_found_is_not_used(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "m")
    folder.append(("", "CREATE TABLE t (id uuid PRIMARY KEY); ALTER TABLE t ADD COLUMN n int NOT NULL", ""))
    for more in ({}, {"postgres-version": 10}, {"table-sizes": {"t": 5}}, {"exposed-schemas": ("api",)}, {}):
        one, other = both(folder, "all", more)
        assert found(one) == found(other)


def test_doubts_that_a_run_did_not_settle_are_settled_by_the_next(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "m")
    folder.append(("", _OPEN, ""))
    for number in range(4):
        folder.append(("", f"CREATE TABLE t{number} (id uuid PRIMARY KEY)", ""))
    both(folder, "all", {})
    folder.write(folder.names()[-1], ("", _ON, ""))
    for which in ("last", "all", "all"):
        kept, anew = both(folder, which, {})
        assert found(kept) == found(anew)
