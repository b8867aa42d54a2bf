"""Rows: what is written into which tables, what migrations make of them, and what comes back after a rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from elf_sqlcheck.catalog.conditions import condition
from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.shared.database import SupabaseExecutor
from elf_sqlcheck.verify import Options, Verification, verify
from elf_sqlcheck.verify.rows import Filling, fill
from elf_sqlcheck.verify.rows.patterns import matching
from tests.test_verify import made, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.postgres.server import Server

pytestmark = pytest.mark.slow

TEAMS = "CREATE TABLE teams (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, motto text);"
#: Every kind of type that a server has; each is a column of one table.
TYPES = """
    int2 int4 int8 numeric numeric(3,2) numeric(30,10) numeric(2,-3) float4 float8 money bool text
    varchar(3) varchar(40) char(4) name "char" bytea uuid date timestamp(0) timestamptz time timetz
    interval json jsonb jsonpath inet cidr macaddr macaddr8 bit bit(5) varbit(9) varbit tsvector tsquery
    oid regclass pg_lsn point lseg line box path polygon circle int4range numrange daterange tsrange
    tstzrange int[] text[][] mood mood[] pair percent percent[] mail
"""


@pytest.fixture
def executor(database: str) -> Iterator[SupabaseExecutor]:
    with SupabaseExecutor(database) as connected:
        yield connected


def judge(
    server: Server, *migrations: Migration, rows: int = 100, sample: str = ""
) -> tuple[list[tuple[str, str]], Verification]:
    """What is found in the last migration, and the whole result."""
    result = verify(
        migrations, server, only={migrations[-1].path}, options=Options(rows=rows, sample=sample, observe=False, cuts=0)
    )
    return shown(migrations, result), result


def count(executor: SupabaseExecutor, table: str, where: str = "true") -> int:
    return int(executor.query(f"SELECT count(*) AS rows FROM {table} WHERE {where}")[0]["rows"])


def filled(executor: SupabaseExecutor, *tables: str, rows: int = 100) -> dict[str, tuple[int, str]]:
    return {found.table: (found.rows, found.reason) for found in fill(executor, tables, rows)}


def test_a_column_of_every_type_gets_values_and_edges(executor: SupabaseExecutor) -> None:
    executor.connection.execute(
        "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy'); CREATE TYPE pair AS (a int, b text);"
        "CREATE DOMAIN percent AS int CHECK (VALUE BETWEEN 0 AND 100);"
        "CREATE DOMAIN mail AS text NOT NULL CHECK (VALUE ~ '^[^@]+@[^@]+[.][a-z]+$')"
    )
    types = TYPES.split()
    if executor.connection.info.server_version < 150000:
        types[types.index("numeric(2,-3)")] = "numeric(2,0)"
    columns = ", ".join(f"c{number} {type_}" for number, type_ in enumerate(types))
    executor.connection.execute(f"CREATE TABLE every ({columns})".encode())
    assert filled(executor, "every") == {"public.every": (100, "")}
    for number, type_ in enumerate(types):
        values = count(executor, "every", f"c{number} IS NOT NULL")
        distinct = int(executor.query(f"SELECT count(DISTINCT c{number}::text) AS n FROM every")[0]["n"])
        assert 75 <= values <= 100, type_
        assert distinct > 1 or type_ in {"regclass", "bit"}, type_
    assert count(executor, "every", "c11 = ''") > 0
    assert count(executor, "every", "c19 = '4713-01-01 BC' OR c19 = 'infinity'") > 0
    assert count(executor, "every", "c8 = 'NaN'") > 0


#: Tables that are hard to fill, each `t` with what it needs.
TABLES = [
    "CREATE TABLE t (n int NOT NULL CHECK (n > 100 AND n < 110))",
    "CREATE TABLE t (s text NOT NULL CHECK (s IN ('new', 'paid')))",
    "CREATE TABLE t (s text CHECK (length(s) >= 10 AND length(s) < 12))",
    "CREATE TABLE t (s text NOT NULL CHECK (s ~ '^[A-Z]{3}-[0-9]{4}$'))",
    "CREATE TABLE t (a timestamptz NOT NULL, b timestamptz NOT NULL, CHECK (a < b))",
    "CREATE TABLE t (a int, b text, CHECK (num_nonnulls(a, b) = 1))",
    "CREATE TABLE t (n int UNIQUE, s text UNIQUE, EXCLUDE (n WITH =))",
    "CREATE TABLE t (during tstzrange NOT NULL, EXCLUDE USING gist (during WITH &&))",
    "CREATE TABLE t (n int PRIMARY KEY DEFERRABLE)",
    "CREATE TABLE t (a numeric(4,2) NOT NULL CHECK (a >= 99), b numeric GENERATED ALWAYS AS (a * 2) STORED)",
    "CREATE TABLE t (a text); CREATE INDEX ON t ((1 / length(a)))",
    "CREATE TABLE t (id int PRIMARY KEY, above int NOT NULL REFERENCES t)",
    """CREATE TABLE t (id serial PRIMARY KEY, n int);
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'nobody writes here'; END $$;
    CREATE TRIGGER t BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()""",
    """CREATE TABLE t ("Order" int, "it's" text, "select" text NOT NULL DEFAULT 'x')""",
    "CREATE TABLE t ()",
    """CREATE TABLE t (id int) PARTITION BY LIST (id);
    CREATE TABLE p PARTITION OF t FOR VALUES IN (7, 8); CREATE TABLE rest PARTITION OF t DEFAULT""",
    """CREATE TABLE t (at date NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE p PARTITION OF t FOR VALUES FROM ('2031-05-01') TO ('2031-06-01')""",
    """CREATE TABLE t (id int PRIMARY KEY) PARTITION BY HASH (id);
    CREATE TABLE p PARTITION OF t FOR VALUES WITH (MODULUS 3, REMAINDER 1)""",
]


@pytest.mark.parametrize("ddl", TABLES)
def test_rows_satisfy_what_a_table_asks_for(executor: SupabaseExecutor, ddl: str) -> None:
    executor.connection.execute(ddl.encode())
    rows, reason = filled(executor, "t")["public.t"]
    assert not reason
    assert 50 <= rows == count(executor, "t") <= 200


def test_rows_point_at_rows(executor: SupabaseExecutor) -> None:
    keys = """
        CREATE TABLE users (id uuid PRIMARY KEY); CREATE TABLE profiles (id uuid PRIMARY KEY REFERENCES users);
        CREATE TABLE tree (id int PRIMARY KEY, above int REFERENCES tree);
        CREATE TABLE tenants (t int, id int, PRIMARY KEY (t, id));
        CREATE TABLE shares (t int NOT NULL, a int NOT NULL, b int, FOREIGN KEY (t, a) REFERENCES tenants,
            FOREIGN KEY (t, b) REFERENCES tenants, u uuid NOT NULL REFERENCES users, UNIQUE (t, a, u));
        CREATE TABLE egg (id int PRIMARY KEY, hen int NOT NULL); CREATE TABLE hen (id int PRIMARY KEY, egg int);
        ALTER TABLE egg ADD FOREIGN KEY (hen) REFERENCES hen; ALTER TABLE hen ADD FOREIGN KEY (egg) REFERENCES egg;
    """
    executor.connection.execute(keys.encode())
    found = filled(executor, "profiles", "tree", "shares", "egg")
    assert {rows > 90 and not reason for rows, reason in found.values()} == {True}
    assert len(found) == 7
    assert 10 < count(executor, "tree", "above IS NOT NULL") < 90
    for key in executor.query("SELECT conrelid::regclass::text AS t, conname FROM pg_constraint WHERE contype = 'f'"):
        # Whoever made them NOT VALID would have them validated: the rows were written while keys were not looked at.
        executor.query(f"UPDATE pg_constraint SET convalidated = false WHERE conname = '{key['conname']}'")
        executor.query(f"ALTER TABLE {key['t']} VALIDATE CONSTRAINT {key['conname']}")


def test_what_cannot_be_filled_is_said_and_the_rest_is_filled(executor: SupabaseExecutor) -> None:
    executor.connection.execute(
        "CREATE TABLE never (n int PRIMARY KEY CHECK (n > 5 AND n < 5));"
        "CREATE TABLE below (never int NOT NULL REFERENCES never); CREATE TABLE maybe (never int REFERENCES never)"
    )
    found = filled(executor, "below", "maybe")
    assert found["public.never"] == (0, "no row was found that satisfies its constraints")
    assert found["public.below"] == (0, "its foreign key below_never_fkey needs rows of public.never, which has none")
    assert found["public.maybe"] == (100, "")


def test_the_same_seed_gives_the_same_rows(server: Server) -> None:
    ddl = """CREATE TABLE a (id uuid PRIMARY KEY, n int, s text CHECK (s <> ''));
        CREATE TABLE b (a uuid REFERENCES a, x float8)"""
    rows = "string_agg(a::text || coalesce(b::text, ''), '' ORDER BY a.id, b.x)"
    hashes = []
    for number, seed in enumerate((1, 1, 2)):
        name = f"seeded_{number}"
        with SupabaseExecutor(server.create_database(name)) as executor:
            executor.connection.execute(ddl.encode())
            fill(executor, ["b"], 200, seed)
            hashes.append(executor.query(f"SELECT md5({rows}) AS h FROM a LEFT JOIN b ON b.a = a.id"))
        server.drop_database(name)
    assert hashes[0] == hashes[1] != hashes[2]


def test_tables_that_have_rows_keep_them_and_no_sequence_moves(executor: SupabaseExecutor) -> None:
    executor.connection.execute(f"{TEAMS} INSERT INTO teams (name) VALUES ('Red')".encode())
    assert filled(executor, "teams") == {"public.teams": (100, "")}
    assert filled(executor, "teams") == {}
    assert count(executor, "teams", "name = 'Red'") == 1
    executor.query("INSERT INTO teams (name) VALUES ('Blue')")
    assert count(executor, "teams", "id = 2") == 1


def test_rows_that_were_written_are_found_again(executor: SupabaseExecutor) -> None:
    executor.connection.execute(f"{TEAMS} INSERT INTO teams (name) VALUES ('Red')".encode())
    filling = Filling(1)
    oids = [row["oid"] for row in executor.query("SELECT 'teams'::regclass::oid::bigint AS oid")]
    filling.fill(executor, oids, 100)
    assert count(executor, "teams", "motto IS NULL") > 1
    assert filling.remove(executor, only_edges=True)
    assert count(executor, "teams") == 75
    assert count(executor, "teams", "motto IS NULL") == 1
    assert filling.remove(executor, only_edges=False)
    assert count(executor, "teams") == 1


def test_many_rows(executor: SupabaseExecutor) -> None:
    executor.connection.execute(
        "CREATE TABLE users (id uuid PRIMARY KEY);"
        "CREATE TABLE big (id bigserial PRIMARY KEY, email text NOT NULL UNIQUE, n int,"
        " amount numeric(10,2) CHECK (amount >= 0), at timestamptz, user_id uuid REFERENCES users)"
    )
    assert filled(executor, "big", rows=50_000)["public.big"][0] >= 49_900
    assert count(executor, "users") == 1_000


@pytest.mark.parametrize(
    ("up", "rule", "words"),
    [
        ("ALTER TABLE teams ADD COLUMN n int NOT NULL;", "fails-on-rows", "as soon as there is a row"),
        ("ALTER TABLE teams ADD COLUMN n int DEFAULT 0 UNIQUE;", "fails-on-rows", "as soon as there is a row"),
        ("ALTER TABLE teams ALTER motto SET NOT NULL;", "fails-on-edge-rows", "teams (motto = NULL, id ="),
        ("ALTER TABLE teams ADD UNIQUE (motto);", "fails-on-edge-rows", "is duplicated"),
        ("ALTER TABLE teams ALTER name TYPE int USING name::int;", "fails-on-edge-rows", "invalid input syntax"),
        ("ALTER TABLE teams ADD n int; UPDATE teams SET n = length(motto); ALTER TABLE teams ALTER n SET NOT NULL;",
         "fails-on-edge-rows", "contains null values"),
        ("ALTER TABLE teams ADD CHECK (motto <> '');", "fails-on-edge-rows", "The row: teams (motto = ''"),
        ("DO $$ BEGIN IF EXISTS (SELECT FROM teams) THEN RAISE 'there are teams'; END IF; END $$;",
         "fails-on-edge-rows", "there are teams"),
        ("CREATE TABLE c (t int); INSERT INTO c SELECT length(motto) FROM teams; ALTER TABLE c ALTER t SET NOT NULL;",
         "fails-on-edge-rows", "contains null values"),
    ],
)  # fmt: skip
def test_migrations_that_fail_on_rows(server: Server, up: str, rule: str, words: str) -> None:
    found, result = judge(server, made(1, TEAMS), made(2, up, "SELECT 1;"))
    ours = [finding for finding in result.findings if finding.rule.startswith("fails-on-")]
    assert [finding.rule for finding in ours] == [rule]
    assert words in ours[0].message
    assert found[0][1] in up
    assert result.steps[1].applied is True
    assert result.steps[1].filled[0].rows == 100


@pytest.mark.parametrize(
    "up",
    [
        "ALTER TABLE teams ADD COLUMN n int NOT NULL DEFAULT 0;",
        "CREATE UNIQUE INDEX ON teams (id);",
        "INSERT INTO teams (id, name) OVERRIDING SYSTEM VALUE VALUES (1, 'Red'), (2, 'Blue');",
        "CREATE TABLE badges (team_id int NOT NULL REFERENCES teams);",
        "CREATE INDEX ON teams (name); COMMENT ON TABLE teams IS 'x';",
        "UPDATE teams SET motto = '' WHERE motto IS NULL; ALTER TABLE teams ALTER motto SET NOT NULL;",
    ],
)
def test_right_migrations_are_right_on_rows_too(server: Server, up: str) -> None:
    result = judge(server, made(1, TEAMS), made(2, up, None, header="-- Irreversible: not asked here\n"))[1]
    assert result.findings == []


def test_a_failure_that_has_nothing_to_do_with_rows_is_told_as_before(server: Server) -> None:
    found, result = judge(
        server, made(1, TEAMS), made(2, "ALTER TABLE teams ADD COLUMN n int; ALTER TABLE teams DROP COLUMN x;")
    )
    assert found == [("does-not-apply", "ALTER TABLE teams DROP COLUMN x")]
    assert result.steps[1].applied is False


def test_a_migration_half_done_outside_a_transaction_is_tried_on_a_new_database(server: Server) -> None:
    header = "-- Transaction: none\n"
    up = "ALTER TABLE teams ADD COLUMN n int;\nALTER TABLE teams ALTER motto SET NOT NULL;"
    down = "ALTER TABLE teams ALTER motto DROP NOT NULL;\nALTER TABLE teams DROP COLUMN n;"
    found, result = judge(server, made(1, TEAMS), made(2, up, down, header=header))
    assert found == [("fails-on-edge-rows", "ALTER TABLE teams ALTER motto SET NOT NULL")]
    assert result.steps[1].reapplied is True


def test_a_cut_is_not_blamed_for_what_rows_do(server: Server) -> None:
    up = (
        "ALTER TABLE teams ADD CHECK (motto <> '') NOT VALID;\nALTER TABLE teams VALIDATE CONSTRAINT teams_motto_check;"
    )
    down = "ALTER TABLE teams DROP CONSTRAINT teams_motto_check;"
    chain = [made(1, TEAMS), made(2, up, down, header="-- Transaction: none\n")]
    result = verify(chain, server, only={chain[1].path}, options=Options(observe=False))
    assert result.findings == []
    assert "synthetic rows would stop it" in result.notes[0]


def test_rows_stay_for_the_migrations_after(server: Server) -> None:
    chain = [
        made(1, TEAMS, "DROP TABLE teams;"),
        made(2, "ALTER TABLE teams ADD COLUMN size int;", "ALTER TABLE teams DROP COLUMN size;"),
        made(3, "ALTER TABLE teams ALTER size SET NOT NULL;", "ALTER TABLE teams ALTER size DROP NOT NULL;"),
    ]
    result = verify(chain, server, options=Options(observe=False, cuts=0))
    assert [(finding.rule, finding.path) for finding in result.findings] == [("fails-on-edge-rows", chain[2].path)]
    assert [(found.table, found.rows) for found in result.steps[1].filled] == [("public.teams", 100)]
    assert result.steps[2].filled == []
    assert dict(result.steps[2].broken_rows[0].values)["size"] is None


@pytest.mark.parametrize(
    ("up", "down", "blamed", "words"),
    [
        ("CREATE TABLE x (); ALTER TABLE teams DROP COLUMN motto;", "ALTER TABLE teams ADD motto text; DROP TABLE x;",
         "ALTER TABLE teams DROP COLUMN motto", "values of public.teams.motto"),
        ("DROP TABLE teams;", TEAMS, "DROP TABLE teams", "100 of 100 rows of public.teams are gone"),
        ("DELETE FROM teams WHERE motto = '';", "SELECT 1;", "DELETE FROM teams WHERE motto = ''", "rows of public"),
        ("UPDATE teams SET name = upper(name);", "SELECT 1;", "UPDATE teams SET name = upper(name)", "public.teams."),
        ("TRUNCATE teams;", "SELECT 1;", "TRUNCATE teams", "100 of 100 rows"),
    ],
)  # fmt: skip
def test_what_a_round_trip_loses(server: Server, up: str, down: str, blamed: str, words: str) -> None:
    rows = 2_000 if up.startswith("TRUNCATE") else 100  # of many rows only sums are kept
    _, result = judge(server, made(1, TEAMS), made(2, up, down), rows=rows)
    lost = [finding for finding in result.findings if finding.rule == "round-trip-loses-data"]
    assert len(lost) == 1
    assert words.replace("100 of 100", f"{rows} of {rows}") in lost[0].message
    assert lost[0].span is not None
    assert made(2, up, down).text(lost[0].span) in blamed


@pytest.mark.parametrize(
    ("up", "down"),
    [
        ("ALTER TABLE teams RENAME motto TO saying;", "ALTER TABLE teams RENAME saying TO motto;"),
        ("ALTER TABLE teams ALTER id TYPE bigint;", "ALTER TABLE teams ALTER id TYPE int;"),
        ("INSERT INTO teams (name) VALUES ('Red');", "DELETE FROM teams WHERE name = 'Red';"),
        ("UPDATE teams SET motto = 'none' WHERE motto IS NULL;", "SELECT 1;"),
        ("ALTER TABLE teams RENAME TO crews;", "ALTER TABLE crews RENAME TO teams;"),
    ],
)
def test_what_a_round_trip_keeps(server: Server, up: str, down: str) -> None:
    assert judge(server, made(1, TEAMS), made(2, up, down))[0] == []


def test_a_sample_is_used_instead(server: Server, tmp_path: Path) -> None:
    (tmp_path / "teams.csv").write_text('id,name,motto,later\n7,Red,"",x\n8,Blue,,y\n')
    (tmp_path / "rest.sql").write_text("INSERT INTO members VALUES (7, 'secret@example.org');\n")
    members = f"{TEAMS}\nCREATE TABLE members (team int REFERENCES teams PRIMARY KEY, mail text);"
    up = "ALTER TABLE members ADD CHECK (mail <> 'secret@example.org');"
    found, result = judge(server, made(1, members), made(2, up, "SELECT 1;"), sample=str(tmp_path))
    assert found[0] == ("fails-on-rows", up[:-1])
    assert "(team = '7')" in result.findings[0].message
    assert "secret" not in str(result.steps[1].broken_rows[0].values)
    assert {(one.table, one.rows) for one in result.steps[1].filled} == {("public.teams", 2), ("public.members", 1)}
    up = "ALTER TABLE teams ALTER motto SET NOT NULL;"
    assert judge(server, made(1, members), made(2, up, "SELECT 1;"), sample=str(tmp_path / "teams.csv"))[0] != []
    same = "secret@example.org"
    (tmp_path / "rest.sql").write_text(f"INSERT INTO members VALUES (7, '{same}'), (8, '{same}');")
    up = "ALTER TABLE members ADD UNIQUE (mail);"
    _, result = judge(server, made(1, members), made(2, up, "SELECT 1;"), sample=str(tmp_path))
    assert [finding.rule for finding in result.findings] == ["fails-on-rows", "rollback-leaves-behind"]
    assert "secret" not in str((result.findings, result.steps[1].broken_rows))


def test_a_sample_that_does_not_fit_is_said(server: Server, tmp_path: Path) -> None:
    (tmp_path / "teams.csv").write_text("id,name\nx,Red\n")
    up = "ALTER TABLE teams ADD COLUMN n int;"
    _, result = judge(server, made(1, TEAMS), made(2, up, "ALTER TABLE teams DROP n;"), sample=str(tmp_path))
    assert "does not fit it" in result.notes[0]
    with pytest.raises(UsageError, match="there is no sample"):
        judge(server, made(1, TEAMS), sample=str(tmp_path / "none"))
    (tmp_path / "more.sql").write_text("DROP TABLE teams;")
    with pytest.raises(UsageError, match="something else than INSERTs, in line 1"):
        judge(server, made(1, TEAMS), sample=str(tmp_path))


def test_texts_for_patterns() -> None:
    import re

    for pattern in (
        r"^[A-Z]{3}-\d{4}$",
        r"^[^@\s]+@[^@]+\.[a-z]{2,}$",
        r"^(a|bc)+$",
        r"^#[0-9a-fA-F]{6}$",
        r"^\+?[0-9]{7,15}$",
    ):
        texts = matching(pattern, 20, 1)
        assert texts == matching(pattern, 20, 1)
        assert len(texts) > 5
        assert all(re.search(pattern, text) for text in texts)
    assert matching("(", 5, 1) == []
    assert matching(r"(?<=x)(a)\1", 5, 1) == []


@pytest.mark.parametrize(
    ("text", "constants", "patterns"),
    [
        ("price > 0::numeric", {"price": ("0",)}, {}),
        ("s = ANY (ARRAY['a'::text, 'b'::text])", {"s": ("a", "b")}, {}),
        ("n >= '-5'::integer AND n < 10", {"n": ("-5", "10")}, {}),
        ("code ~ '^x'::text AND amount <= 5::numeric(10,2)", {"amount": ("5",)}, {"code": ("^x",)}),
        ("VALUE > 0", {"value": ("0",)}, {}),
        ("no SQL (", {}, {}),
    ],
)
def test_what_conditions_compare_with(text: str, constants: dict[str, Any], patterns: dict[str, Any]) -> None:
    found = condition(text)
    assert {name: values for name, values in found.constants.items() if values} == constants
    assert {name: values for name, values in found.patterns.items() if values} == patterns


def test_rows_are_taken_away_where_triggers_cannot_be_silenced(server: Server) -> None:
    """As on Postgres 14, where nobody can be granted that: the rows go in an order that foreign keys allow."""
    with server.connect() as connection:
        connection.execute("DROP ROLE IF EXISTS plain; CREATE ROLE plain LOGIN CREATEDB")
    first = (
        f"{TEAMS} CREATE TABLE members (team int NOT NULL REFERENCES teams);\n"
        "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'never'; END $$;\n"
        "CREATE TABLE books (id int);\n"
        "CREATE TRIGGER keep BEFORE DELETE ON books FOR EACH STATEMENT EXECUTE FUNCTION keep();"
    )
    url = server.url_of("postgres", "plain")
    second = made(
        2, "ALTER TABLE members ADD CHECK (team < 0);", "ALTER TABLE members DROP CONSTRAINT members_team_check;"
    )
    result = verify([made(1, first, None), second], url, only={second.path}, options=Options(observe=False, cuts=0))
    assert [finding.rule for finding in result.findings] == ["fails-on-edge-rows"]
    assert result.steps[-1].applied
