"""Folders of other tools become the migrations that these tools would run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck import layouts
from elf_sqlcheck.layouts.folders import Disk, members, root_of
from elf_sqlcheck.tools import LAYOUTS
from tests.layout_folders import FOLDERS, INDEX, REVERSIBLE, TABLE

if TYPE_CHECKING:
    from pathlib import Path

    from elf_sqlcheck.model import Migration


def read(layout: str, **changed: str) -> list[Migration]:
    """The migrations of a folder of FOLDERS; `changed` adds to its files, or replaces them."""
    files = {path: text.encode() for path, text in (FOLDERS[layout][1] | changed).items()}
    return layouts.read_all({path: data for path, data in files.items() if "/verify/" not in path})


def problems(migration: Migration) -> list[tuple[str, str]]:
    """(the text at the place, or "" for the file as a whole; the message) of each problem."""
    return [(migration.text(p.span).strip() if p.span else "", p.message) for p in migration.problems]


def one(layout: str, path: str, text: str) -> Migration:
    return layouts.read_all({path: text.encode()}, layout)[0]


def test_every_layout_has_a_folder_here() -> None:
    assert {*FOLDERS, "elf"} == LAYOUTS.keys()


@pytest.mark.parametrize("layout", FOLDERS)
def test_a_folder_tells_its_layout(layout: str) -> None:
    migrations = read(layout)
    assert {migration.layout for migration in migrations} == {layout}
    assert [problems(migration) for migration in migrations if migration.problems] == []
    assert [migration.broken for migration in migrations if migration.broken] == []


@pytest.mark.parametrize("layout", FOLDERS)
def test_the_statements_are_those_of_the_files(layout: str) -> None:
    first, *rest = read(layout)
    kinds = [s.kind for s in first.up.statements if s.kind != "TransactionStmt"]
    assert kinds == ["CreateStmt"]
    assert first.text(first.up.statements[len(first.up.statements) // 2].span) == TABLE.strip().rstrip(";")
    if rest:
        assert [rest[0].text(s.span) for s in rest[0].up.statements] == [INDEX.strip().rstrip(";")]
    assert first.is_transactional(first.up) == (layout not in {"golang-migrate", "prisma", "sqitch"})


@pytest.mark.parametrize("layout", sorted(FOLDERS.keys() - {"plain"}))
def test_what_asks_for_no_transaction_gets_none(layout: str) -> None:
    second = read(layout)[1]
    assert not second.transactional
    if second.down:
        assert not second.is_transactional(second.down)


@pytest.mark.parametrize("layout", REVERSIBLE)
def test_what_undoes_a_migration_is_its_down(layout: str) -> None:
    first, second, *_ = read(layout)
    for migration, kind in ((first, "DropStmt"), (second, "DropStmt")):
        assert migration.down is not None
        assert [s.kind for s in migration.down.statements if s.kind != "TransactionStmt"] == [kind]


@pytest.mark.parametrize(
    ("layout", "names"),
    [
        ("supabase", ["20250121093000_users", "20250121093100_users_email"]),
        ("goose", ["00001_users", "00002_users_email"]),
        ("golang-migrate", ["9_users", "10_users_email"]),
        ("flyway", ["1.9_users", "1.10_users_email", "mails"]),
        ("diesel", ["20250121093000_users", "20250121093100_users_email"]),
        ("prisma", ["20250121093000_users", "20250121093100_users_email"]),
        ("sqitch", ["20250121093000_users", "20250121093100_users_email"]),
        ("graphile-migrate", ["000001_users", "000002"]),
        ("plain", ["1_users"]),
    ],
)
def test_migrations_come_in_the_order_of_their_tool(layout: str, names: list[str]) -> None:
    assert [migration.name for migration in read(layout)] == names


@pytest.mark.parametrize("layout", FOLDERS)
def test_the_files_of_a_series_are_found_on_disk(layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, files = FOLDERS[layout]
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.chdir(tmp_path)
    wanted = {path for path in files if "/verify/" not in path}
    assert set(members(folder, Disk())) == wanted
    assert set(members(folder, Disk(), layout)) == wanted
    roots = {root_of(path, Disk(), default=folder) for path in wanted if path.endswith(".sql")}
    assert roots == {folder}
    assert [m.name for m in layouts.read_directory(folder)] == [m.name for m in read(layout)]


def test_places_in_a_migration_of_two_files_are_places_in_each() -> None:
    migration = read("golang-migrate")[0]
    assert migration.path == "migrations/9_users.up.sql"
    assert migration.paths == ("migrations/9_users.up.sql", "migrations/9_users.down.sql")
    assert migration.down is not None
    drop = migration.down.statements[0].span.start
    assert (migration.path_at(drop), migration.position(drop)) == ("migrations/9_users.down.sql", (1, 1))
    email = migration.data.index(b"email")
    assert (migration.path_at(email), migration.position(email)) == ("migrations/9_users.up.sql", (3, 5))
    assert [part.data.decode() for part in migration.parts()] == [TABLE, "DROP TABLE users;\n"]


def test_a_comment_or_quote_left_open_in_one_file_does_not_reach_the_other() -> None:
    up = "CREATE TABLE a (); -- no line end"
    migration = layouts.read_all({"1_a.up.sql": up.encode(), "1_a.down.sql": b"DROP TABLE a;"})[0]
    assert migration.down is not None
    assert len(migration.down.statements) == 1
    migration = layouts.read_all({"1_a.up.sql": b"SELECT 'a", "1_a.down.sql": b"DROP TABLE a;"})[0]
    assert migration.down is not None
    assert len(migration.down.statements) == 1
    assert [broken.kind for broken in migration.broken] == ["unterminated"]


# dbmate


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("SELECT 1;\n", "", "no `-- migrate:up`"),
        ("-- migrate:up\nSELECT 1;\n", "", "no `-- migrate:down`"),
        ("-- migrate:down\n-- migrate:up\n", "-- migrate:down", "stands above"),
        ("SELECT 0;\n-- migrate:up\n-- migrate:down\n", "SELECT 0", "above `-- migrate:up`"),
        ("-- migrate:up transaction: false\n-- migrate:down\n", "-- migrate:up transaction: false", "'transaction:'"),
    ],
)
def test_what_dbmate_refuses_or_passes_over_is_told(text: str, place: str, message: str) -> None:
    found = problems(one("dbmate", "20250121093000_a.sql", text))
    assert any(at == place and message in said for at, said in found), found


def test_dbmate_runs_each_section_as_its_own_option_says() -> None:
    text = f"-- migrate:up transaction:false\n{INDEX}\n-- migrate:down\nDROP INDEX CONCURRENTLY idx_users_email;\n"
    migration = one("dbmate", "20250121093000_a.sql", text)
    assert migration.down is not None
    assert (migration.transactional, migration.is_transactional(migration.down)) == (False, True)


def test_the_supabase_cli_takes_out_of_the_transaction_what_cannot_be_in_one() -> None:
    assert not one("supabase", "1_a.sql", f"SELECT 1;\n{INDEX}").transactional
    assert one("supabase", "1_a.sql", "SELECT 1;\nCREATE INDEX i ON users (email);").transactional


def test_several_statements_in_one_query_are_a_transaction_all_the_same() -> None:
    for layout, path, text in (
        ("dbmate", "1_a.sql", f"-- migrate:up transaction:false\nSELECT 1;\n{INDEX}\n-- migrate:down\n"),
        ("golang-migrate", "1_a.up.sql", f"SELECT 1;\n{INDEX}"),
        ("sqlx", "1_a.sql", f"-- no-transaction\nSELECT 1;\n{INDEX}"),
        ("graphile-migrate", "000001.sql", f"--! Previous: -\n--! Hash: x\n\n--! no-transaction\nSELECT 1;\n{INDEX}"),
    ):
        assert one(layout, path, text).transactional, layout


# goose

FUNCTION = "CREATE FUNCTION one() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n    RETURN 1; -- one\nEND;\n$$;\n"


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("SELECT 1;\n", "", "no `-- +goose Up`"),
        ("-- +goose Down\n-- +goose Up\n", "-- +goose Down", "above Up"),
        ("-- +goose Up\n-- +goose Up\n", "-- +goose Up", "a second"),
        ("-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n", "-- +goose StatementBegin", "without StatementEnd"),
        ("-- +goose Up\nSELECT 1;\n-- +goose StatementEnd\n", "-- +goose StatementEnd", "without StatementBegin"),
        ("-- +goose Up\n-- +goose StatmentBegin\n", "-- +goose StatmentBegin", "no annotation"),
        ("-- +goose Up\n  -- +goose Down\n", "-- +goose Down", "blanks before it"),
        (f"-- +goose Up\n{FUNCTION}", ";", "ends the statement at this semicolon"),
        ("-- +goose Up\nSELECT 1\n", "SELECT 1", "no semicolon"),
    ],
)
def test_what_goose_refuses_or_cuts_is_told(text: str, place: str, message: str) -> None:
    found = problems(one("goose", "00001_a.sql", text))
    assert any(at == place and message in said for at, said in found), found


@pytest.mark.parametrize(
    "text",
    [
        f"-- +goose Up\n-- +goose StatementBegin\n{FUNCTION}-- +goose StatementEnd\n-- +goose Down\nSELECT 1; ;\n",
        "-- +goose up\nSELECT 1; -- one\n\n-- +goose down\nSELECT 2;\n",
        "-- a comment;\n-- +goose Up\nSELECT 1\n    -- not the end;\n    + 1;\n",
        "-- +goose Up\n-- +goose ENVSUB ON\nSELECT 1;\n-- +goose ENVSUB OFF\n",
        "-- +goose Up\r\nSELECT 1;\r\n-- +goose Down\r\nSELECT 2;\r\n",
    ],
)
def test_what_goose_takes_is_no_problem(text: str) -> None:
    migration = one("goose", "00001_a.sql", text)
    assert (problems(migration), migration.broken) == ([], ())
    assert migration.up.statements


# Flyway


def test_flyway_runs_alone_what_cannot_run_in_a_transaction() -> None:
    configured = {"V1__a.sql": b"SELECT 1;\nSELECT 2;", "V1__a.sql.conf": b"executeInTransaction=false\n"}
    assert not layouts.read_all(configured)[0].transactional
    assert not one("flyway", "V1__a.sql", "VACUUM users;\nREINDEX TABLE users;").transactional
    assert one("flyway", "V1__a.sql", f"SELECT 1;\n{INDEX}").transactional, "Flyway refuses the mixture"


def test_flyway_ignores_callbacks_and_names_what_it_would_not_find() -> None:
    files = {"V1__a.sql": b"SELECT 1;", "V2_b.sql": b"SELECT 2;", "afterMigrate.sql": b"SELECT 3;", "B1__x.sql": b""}
    migrations = layouts.read_all(files)
    strays = {m.path: m.problems[0] for m in migrations if m.problems}
    assert {m.path for m in migrations} == {"V1__a.sql", "V2_b.sql"}
    assert strays["V2_b.sql"].rule == "file-name"
    assert strays["V2_b.sql"].instead == "git mv V2_b.sql V2__b.sql"


def test_an_undo_without_its_migration_is_a_problem() -> None:
    migration = one("flyway", "U2__a.sql", "DROP TABLE a;")
    assert [p.rule for p in migration.problems] == ["header-mismatch"]
    assert migration.down is not None
    assert migration.up.statements == ()


def test_a_placeholder_is_an_identifier() -> None:
    text = "CREATE TABLE ${owner}.a (b text DEFAULT '${flyway:user}');\nSELECT $$ ${x} $$;\n"
    migration = one("flyway", "V1__a.sql", text)
    assert migration.broken == ()
    assert [migration.text(s.span) for s in migration.up.statements] == [line.rstrip(";") for line in text.splitlines()]
    assert one("goose", "1_a.sql", "-- +goose Up\n-- +goose ENVSUB ON\nDROP TABLE ${NAME};\n").broken == ()


# sqitch


def sqitch(plan: str, **scripts: str) -> list[Migration]:
    files = {"sqitch.plan": plan, **{f"deploy/{name}.sql": text for name, text in scripts.items()}}
    return layouts.read_all({path: text.encode() for path, text in files.items()})


def test_the_plan_is_the_order_whatever_its_times_say() -> None:
    plan = "b 2025-01-02T00:00:00Z A <a@b> # x\na [b !c other:d] 2025-01-01T00:00:00Z A <a@b> # x\nc\n"
    migrations = sqitch(plan, a="SELECT 1;", b="SELECT 2;", c="SELECT 3;")
    assert [m.name for m in migrations] == ["20250102000000_b", "20250102000001_a", "20250102000002_c"]
    assert migrations[1].dependencies == ("20250102000000_b",)


def test_a_reworked_change_has_the_script_of_its_tag() -> None:
    plan = (
        "a 2025-01-01T00:00:00Z A <a@b>\n@v0\n@v1 2025-01-01T00:01:00Z A <a@b>\na [a@v1] 2025-01-02T00:00:00Z A <a@b>\n"
    )
    migrations = sqitch(plan, **{"a": "SELECT 2;", "a@v1": "SELECT 1;"})
    assert [m.slug for m in migrations] == ["a@v1", "a"]
    assert migrations[1].dependencies == ("20250101000000_a@v1",)
    assert [p for m in migrations for p in m.problems] == []


def test_what_the_plan_lacks_or_has_too_much_is_told() -> None:
    migrations = sqitch("a\nb\n[nonsense\n", a="SELECT 1;", stray="SELECT 2;")
    by_path = {m.path: problems(m) for m in migrations if m.problems}
    assert by_path["sqitch.plan"] == [
        ("[nonsense", "this line of the plan is no change and no tag: [nonsense"),
        ("b", "the plan names b, and there is no deploy/b.sql"),
    ]
    assert "sqitch.plan does not name stray" in by_path["deploy/stray.sql"][0][1]


# the others


def test_a_broken_chain_of_hashes_is_told() -> None:
    files = {
        "000001.sql": b"--! Previous: -\n--! Hash: a\n\nSELECT 1;",
        "000002.sql": b"--! Previous: b\n--! Hash: c\n\n",
    }
    assert problems(layouts.read_all(files)[1])[0][0] == "--! Previous: b"
    assert "headers" in problems(one("graphile-migrate", "000001-a.sql", "SELECT 1;"))[0][1]


def test_the_current_migration_comes_last_when_it_holds_a_statement() -> None:
    migrations = read("graphile-migrate", **{"migrations/current.sql": "SELECT 1;\n"})
    assert [(m.name, m.repeatable) for m in migrations][-1] == ("current", True)


def test_files_that_their_tool_never_runs_are_named_and_hold_nothing() -> None:
    for layout, path in (
        ("supabase", "seed.sql"),
        ("dbmate", "schema.sql"),
        ("goose", "seed.sql"),
        ("golang-migrate", "1_a.sql"),
        ("sqlx", "a.sql"),
        ("graphile-migrate", "a.sql"),
        ("diesel", "a.sql"),
        ("prisma", "a.sql"),
    ):
        migration = one(layout, path, "DROP TABLE users;")
        assert [p.rule for p in migration.problems] == ["file-name"], layout
        assert migration.up.statements == (), layout


def test_a_stray_file_beside_the_folders_of_a_series_does_not_hide_them(tmp_path: Path) -> None:
    for path in ("2025_a/up.sql", "data.sql"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("SELECT 1;")
    assert [m.name for m in layouts.read_directory(str(tmp_path)) if m.up.statements] == ["2025_a"]


def test_a_metadata_file_that_cannot_be_read_is_told() -> None:
    files = {"1_a/up.sql": b"SELECT 1;", "1_a/metadata.toml": b"run_in_transaction ="}
    assert "metadata.toml" in problems(layouts.read_all(files, "diesel")[0])[0][1]


def test_a_down_file_finds_its_up_by_the_version() -> None:
    files = {"001_a.up.sql": b"SELECT 1;", "1_other.down.sql": b"SELECT 2;", "2_b.down.sql": b"SELECT 3;"}
    first, second = layouts.read_all(files, "golang-migrate")
    assert first.paths == ("001_a.up.sql", "1_other.down.sql")
    assert "not there" in problems(second)[0][1]


def test_prisma_goes_by_name_however_many_digits() -> None:
    names = ("20240618164955_add", "20250625_pivot", "20250701120000_more")
    files = {f"migrations/{name}/migration.sql": b"SELECT 1;" for name in names}
    assert [one.path.split("/")[1] for one in layouts.read_all(files, "prisma")] == list(names)
