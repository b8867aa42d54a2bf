from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.config import Config, load
from elf_sqlcheck.environments import Environment
from elf_sqlcheck.errors import ConfigError
from elf_sqlcheck.model import Severity
from elf_sqlcheck.patterns import matches
from elf_sqlcheck.sizes import TableSize

if TYPE_CHECKING:
    from pathlib import Path

EVERYTHING = """
dir = "db/sql"
exclude = ["legacy/**"]
select = ["naming", "types"]
extend-select = ["prefer-timestamptz"]
ignore = ["table-name"]
fail-on = "warning"
profile = "supabase"
postgres-version = 15
main-branch = "trunk"
rules-dir = "our_rules"
baseline = "known.json"
lock-timeout = "5s"
small-table-rows = 500

[table-sizes]
orders = "12M"
"shop.Lines" = { rows = 7, bytes = 8192, writes-per-second = 0.5 }

[severity]
char-type = "note"
cascade-delete = "off"

[per-file-ignores]
"seed_*.sql" = ["secrets"]

[env.production]
url-env = "PRODUCTION_URL"
lock-timeout = "3s"
statement-timeout = "10 min"
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    return tmp_path


def own(folder: Path, text: str) -> Path:
    path = folder / "elf-sqlcheck.toml"
    path.write_text(text)
    return path


def refused(folder: Path, text: str) -> tuple[str, str]:
    own(folder, text)
    with pytest.raises(ConfigError) as caught:
        load(str(folder))
    return caught.value.message, caught.value.remedy


def test_every_key_is_read(repository: Path) -> None:
    path = own(repository, EVERYTHING)
    config = load(str(repository))
    assert config == Config(
        path=str(path),
        root=str(repository),
        dir="db/sql",
        exclude=("legacy/**",),
        select=("naming", "types"),
        extend_select=("prefer-timestamptz",),
        ignore=("table-name",),
        severity={"char-type": Severity.NOTE, "cascade-delete": Severity.OFF},
        per_file_ignores={"seed_*.sql": ("secrets",)},
        fail_on=Severity.WARNING,
        profile="supabase",
        postgres_version=15,
        main_branch="trunk",
        rules_dir="our_rules",
        baseline="known.json",
        lock_timeout="5s",
        small_table_rows=500,
        table_sizes={"public.orders": TableSize(12_000_000), "shop.lines": TableSize(7, 8192, 0.5)},
        env={
            "production": Environment(
                "production",
                url_env="PRODUCTION_URL",
                lock_timeout="3s",
                statement_timeout="10 min",
                protected=True,
            )
        },
    )
    assert config.absolute("db/sql") == str(repository / "db" / "sql")


def test_without_a_file_the_defaults_hold(repository: Path) -> None:
    (repository / "deep").mkdir()
    assert load(str(repository / "deep")) == Config(root=str(repository))
    settings = {"lock-timeout": "", "main-branch": "", "postgres-version": 17, "profile": ""}
    settings |= {"small-table-rows": 10_000, "table-sizes": {}}
    assert Config().settings() == settings | {"exposed-schemas": ("public", "graphql_public"), "teams": {}}


def test_the_nearest_file_counts(repository: Path) -> None:
    (repository / "pyproject.toml").write_text('[tool.elf-sqlcheck]\ndir = "outer"\n')
    inner = repository / "app" / "src"
    inner.mkdir(parents=True)
    assert load(str(inner)).dir == "outer"
    (repository / "app" / "pyproject.toml").write_text('[tool.other]\nname = "x"\n')
    assert load(str(inner)).dir == "outer", "a pyproject.toml without our table is passed over"
    own(repository / "app", 'dir = "inner"')
    assert load(str(inner)).dir == "inner"


def test_the_root_of_the_repository_ends_the_search(tmp_path: Path) -> None:
    own(tmp_path, 'dir = "strange"')
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)
    assert load(str(repository)).dir == ""


def test_outside_a_repository_only_the_folder_itself_is_looked_at(tmp_path: Path) -> None:
    own(tmp_path, 'dir = "somebody-elses"')
    (tmp_path / "below").mkdir()
    assert load(str(tmp_path / "below")).dir == ""
    assert load(str(tmp_path)).dir == "somebody-elses"


def test_an_explicit_file_is_used_and_isolation_ignores_all(repository: Path) -> None:
    own(repository, 'dir = "found"')
    other = repository / "ci" / "strict.toml"
    other.parent.mkdir()
    other.write_text('dir = "named"')
    config = load(str(repository), str(other))
    assert (config.dir, config.root) == ("named", str(other.parent))
    assert load(str(repository), isolated=True) == Config(root=str(repository), isolated=True)


def test_a_misspelt_key_names_the_nearest(repository: Path) -> None:
    message, remedy = refused(repository, 'exlude = ["a"]')
    assert "exlude" in message
    assert "elf-sqlcheck.toml" in message
    assert "exclude" in remedy
    message, remedy = refused(repository, '[env.live]\nurl_env = "X"')
    assert "[env.live]" in message
    assert "url-env" in remedy


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("dir = 3", "dir is 3", "text"),
        ('exclude = "one"', "exclude is 'one'", "list"),
        ("select = [1]", "select is a list", "list"),
        ('severity = "error"', "severity is 'error'", "table"),
        ('severity.char-type = "fatal"', "severity.char-type is 'fatal'", '"error", "warning", "note", "off"'),
        ('fail-on = "off"', "fail-on is 'off'", '"error", "warning", "note"'),
        ('profile = "heroku"', "profile is 'heroku'", '"supabase"'),
        ('postgres-version = "17"', "postgres-version is '17'", "number"),
        ("postgres-version = true", "postgres-version is True", "number"),
        ("postgres-version = 170000", "postgres-version is 170000", "major"),
        ('lock-timeout = "soon"', "lock-timeout is 'soon'", "5s"),
        ("lock-timeout = 5", "lock-timeout is 5", "5s"),
        ('small-table-rows = "10k"', "small-table-rows is '10k'", "number"),
        ("table-sizes = 5", "table-sizes is 5", "table"),
        ("table-sizes.orders = -1", "table-sizes: the size of orders", "12000000"),
        ("table-sizes.orders = '12 million'", "table-sizes: the size of orders", '"12M"'),
        ("table-sizes.orders = { row = 5 }", "table-sizes: the size of orders", "'rows'"),
        ("table-sizes.public.orders = 5", "table-sizes: the size of public", '"schema.table"'),
        ("table-sizes.'a.b.c' = 5", "table-sizes: 'a.b.c' is no name of a table", '"schema.table"'),
        ("[table-sizes]\norders = 1\n'public.orders' = 2", "public.orders is there twice", "leave one out"),
        ('per-file-ignores = ["x"]', "per-file-ignores is a list", "table"),
        ("[per-file-ignores]\n'*.sql' = 'x'", "*.sql", "list"),
        ("env.live = 1", "env.live is 1", "table"),
    ],
)
def test_a_wrong_type_names_key_and_expectation(repository: Path, text: str, key: str, expected: str) -> None:
    message, remedy = refused(repository, text)
    assert key in message
    assert expected in remedy


def test_a_wrong_url_is_never_shown(repository: Path) -> None:
    message, remedy = refused(repository, '[env.live]\nurl = ["postgresql://u:canary@h/d"]')
    assert "env.live.url" in message
    assert "canary" not in message + remedy


def test_broken_files_are_errors(repository: Path) -> None:
    message, _ = refused(repository, "dir = ")
    assert "no valid TOML" in message
    (repository / "elf-sqlcheck.toml").write_bytes(b'dir = "\xff"')
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(str(repository))
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        load(str(repository), str(repository / "nowhere.toml"))
    (repository / "pyproject.toml").write_text("[project]\n")
    with pytest.raises(ConfigError, match="has no table"):
        load(str(repository), str(repository / "pyproject.toml"))


def test_a_lock_timeout_holds_only_when_every_place_has_one(repository: Path) -> None:
    own(repository, '[env.a]\nlock-timeout = "2s"\n[env.b]\nurl-env = "B"\n')
    assert load(str(repository)).settings()["lock-timeout"] == ""
    own(repository, '[env.a]\nlock-timeout = "2s"\n[env.b]\nlock-timeout = "3s"\n')
    assert load(str(repository)).settings()["lock-timeout"] == "2s"


@pytest.mark.parametrize(
    ("pattern", "path", "matching"),
    [
        ("seed.sql", "db/seed.sql", True),
        ("seed.sql", "db/my_seed.sql", False),
        ("legacy", "db/legacy/a.sql", True),
        ("legacy/", "legacy/deep/a.sql", True),
        ("db/*.sql", "db/a.sql", True),
        ("db/*.sql", "db/deep/a.sql", False),
        ("db/*.sql", "app/db/a.sql", False),
        ("db/**/*.sql", "db/a.sql", True),
        ("db/**/*.sql", "db/x/y/a.sql", True),
        ("./db/**", "db/x/y/a.sql", True),
        ("/db", "db/a.sql", True),
        ("2024*", "migrations/20240101_000000_x.sql", True),
        ("[ab]?.sql", "b1.sql", True),
        ("[!ab].sql", "a.sql", False),
        ("a.sql", "aXsql", False),
        ("a(b.sql", "a(b.sql", True),
    ],
)
def test_patterns(pattern: str, path: str, matching: bool) -> None:
    assert matches(pattern, path) is matching


def test_patterns_are_relative_to_the_file(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own(repository, 'exclude = ["db/old.sql"]\nper-file-ignores = { "db/new.sql" = ["types", "char-type"] }')
    (repository / "db").mkdir()
    monkeypatch.chdir(repository / "db")
    config = load()
    assert config.excludes("old.sql")
    assert not config.excludes("new.sql")
    assert config.ignored_for("../db/new.sql") == {"types", "char-type"}
    assert config.ignored_for("old.sql") == frozenset()
