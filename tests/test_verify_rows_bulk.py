"""Many rows: they come through COPY, are the same ones as ever, and leave the indexes as they were."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from elf_sqlcheck.postgres.compare import compare
from elf_sqlcheck.postgres.snapshot import snapshot
from elf_sqlcheck.shared.database import SupabaseExecutor
from elf_sqlcheck.verify.rows import bulk, fill
from tests.test_cli_verify import COMMAND, migration
from tests.test_server import eventually
from tests.test_verify_robust import ends_cleanly, servers

if TYPE_CHECKING:
    from pathlib import Path

    from elf_sqlcheck.postgres.server import Server

pytestmark = pytest.mark.slow

ROWS = 11_000
#: Tables `t`, with what they need: what COPY, a binary one, and an index that is built afterwards may get wrong.
TABLES = {
    "many types": """CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE users (id bigint PRIMARY KEY);
        CREATE TABLE t (id uuid PRIMARY KEY, name varchar(40) NOT NULL, n int, amount numeric(12,2) CHECK (amount >= 5),
            at timestamptz, paid boolean, data jsonb, tags text[], how mood, span int4range,
            number bigint GENERATED ALWAYS AS IDENTITY, twice numeric GENERATED ALWAYS AS (amount * 2) STORED,
            user_id int NOT NULL REFERENCES users, "it's" text);
        CREATE INDEX ON t (at); CREATE INDEX ON t USING gin (tags); CREATE UNIQUE INDEX ON t (lower(name))""",
    "parents with many rows": """CREATE TABLE users (id uuid PRIMARY KEY, at timestamptz);
        CREATE TABLE t (id uuid PRIMARY KEY REFERENCES users)""",
    "partitions": """CREATE TABLE t (id int, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        CREATE TABLE p PARTITION OF t FOR VALUES FROM ('2031-01-01') TO ('2031-02-01');
        CREATE TABLE q PARTITION OF t FOR VALUES FROM ('2031-02-01') TO (MAXVALUE)""",
    "rows of the same table": "CREATE TABLE t (id int PRIMARY KEY, above int REFERENCES t)",
    "keys into the same table": """CREATE TABLE t (tenant int, id int, above int, PRIMARY KEY (tenant, id),
        FOREIGN KEY (tenant, above) REFERENCES t)""",
    "no columns": "CREATE TABLE t ()",
    "a trigger": """CREATE TABLE t (id int PRIMARY KEY);
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'nobody writes here'; END $$;
        CREATE TRIGGER t BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()""",
    "an exclusion": "CREATE TABLE t (n int4range, EXCLUDE USING gist (n WITH &&))",
    "deferrable": "CREATE TABLE t (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)",
    "row level security": "CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t FORCE ROW LEVEL SECURITY, "
    "ENABLE ROW LEVEL SECURITY",
    "a duplicate": "CREATE TABLE t (n int); CREATE UNIQUE INDEX ON t ((n % 700))",
    "an expression that fails": "CREATE TABLE t (n int); CREATE INDEX ON t ((1 / (n - 1000)))",
    "a type that is never binary": "CREATE TABLE t (id int, a aclitem)",
}
CONTENTS = "SELECT count(*) AS rows, md5(string_agg(t::text, chr(10) ORDER BY tableoid, ctid)) AS hash FROM t"
INDEXES = """
SELECT indexrelid::regclass::text AS name, indisready AND indisvalid AND indislive AS ok,
    pg_relation_filenode(indexrelid) <> indexrelid AS rebuilt FROM pg_index
WHERE indrelid::regclass::text IN ('t', 'p', 'q') AND pg_relation_filenode(indexrelid) IS NOT NULL
"""


def fill_on(server: Server, name: str, ddl: str, rows: int) -> dict[str, Any]:
    """What comes of the table `t`: what was reported, what it holds, how the schema changed, how its indexes are."""
    with SupabaseExecutor(server.create_database(name)) as executor:
        executor.connection.execute(ddl.encode())
        before = snapshot(executor.connection)
        told = fill(executor, ["t", "users"], rows)
        executor.connection.execute("SET enable_seqscan = off")
        found = {
            "told": told,
            "holds": executor.query(CONTENTS),
            "changed": compare(before, snapshot(executor.connection)),
            "indexes": executor.query(INDEXES),
        }
    server.drop_database(name)
    return found


@pytest.mark.parametrize("ddl", TABLES.values(), ids=TABLES)
def test_they_are_those_that_an_insert_writes(server: Server, ddl: str, monkeypatch: pytest.MonkeyPatch) -> None:
    copied = fill_on(server, "copied", ddl, ROWS)
    monkeypatch.setattr(bulk, "MANY", 2 * ROWS)
    inserted = fill_on(server, "inserted", ddl, ROWS)
    assert copied["told"] == inserted["told"]
    assert copied["holds"] == inserted["holds"]
    assert copied["holds"][0]["rows"] >= (500 if "%" in ddl else 9_900)
    assert copied["changed"] == inserted["changed"] == []
    assert all(index["ok"] for index in copied["indexes"])


def test_indexes_are_built_when_the_rows_are_there(server: Server) -> None:
    found = fill_on(server, "built", TABLES["many types"], ROWS)
    assert [index["rebuilt"] for index in found["indexes"]] == [True] * 4
    few = fill_on(server, "few", TABLES["many types"], bulk.MANY)
    assert [index["rebuilt"] for index in few["indexes"]] == [False] * 4


def test_an_index_that_is_invalid_stays_so(server: Server) -> None:
    ddl = """CREATE TABLE t (id int PRIMARY KEY, n int); CREATE INDEX broken ON t (n);
        UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass"""
    found = fill_on(server, "invalid", ddl, ROWS)
    assert {index["name"]: index["ok"] for index in found["indexes"]} == {"t_pkey": True, "broken": False}
    assert found["changed"] == []


def test_whoever_is_no_superuser_copies_too_and_leaves_the_indexes(supabase_server: Server) -> None:
    ddl = "CREATE TABLE users (id uuid PRIMARY KEY); CREATE TABLE t (id uuid PRIMARY KEY, u uuid REFERENCES users)"
    found = fill_on(supabase_server, "supabase", ddl, ROWS)
    assert (found["told"][-1].rows, found["told"][-1].reason) == (ROWS, "")
    assert [index["rebuilt"] for index in found["indexes"]] == [False]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads how many bytes there were at most")
def test_our_process_keeps_no_rows(server: Server) -> None:
    """Nearly fifty megabytes of them here."""
    script = """
import resource, sys
from elf_sqlcheck.shared.database import SupabaseExecutor
from elf_sqlcheck.verify.rows import fill
with SupabaseExecutor(sys.argv[1]) as executor:
    executor.connection.execute("CREATE TABLE t (id int PRIMARY KEY, s text NOT NULL CHECK (length(s) > 4000))")
    fill(executor, ["t"], 10)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    fill(executor, ["t"], 12_000)
    size = executor.query("SELECT sum(length(s)) >> 20 AS mb, count(*) AS rows FROM t")[0]
    print(size["mb"], size["rows"], (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""
    url = server.create_database("flat")
    done = subprocess.run([sys.executable, "-c", script, url], capture_output=True, text=True, check=True)
    server.drop_database("flat")
    made, rows, more = map(int, done.stdout.split())
    assert made > 40
    assert rows > 11_900
    assert more < 10


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_of_a_command_that_is_interrupted_while_it_copies(tmp_path: Path, how: signal.Signals) -> None:
    (tmp_path / "migrations").mkdir()
    for number, up in enumerate(
        ["CREATE TABLE t (id uuid PRIMARY KEY, s text, at timestamptz);", "ALTER TABLE t ADD COLUMN n int;"]
    ):
        (tmp_path / "migrations" / f"20250101_00000{number}_m.sql").write_text(migration(up))
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("GIT", "PG"))}
    with subprocess.Popen(
        [COMMAND, "verify", "--isolated", "--dir", "migrations", "--rows", "1000000"],
        cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        doing = "application_name = 'elf-sqlcheck rows' AND query LIKE 'COPY (%'"
        try:
            assert eventually(lambda: bool(servers(process.pid, doing)), 60)
            ends_cleanly(process, servers(process.pid)[0], how)
        finally:
            if process.poll() is None:
                process.kill()
