"""A pooler in transaction mode is found out, whatever its port, before a lock is left behind in its sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.errors import ConnectionFailed
from elf_sqlcheck.shared.database import SupabaseExecutor
from elf_sqlcheck.shared.pooler import refuse_transaction_pooler
from tests import migrate_files
from tests.migrate_command import elf_migrate
from tests.pgbouncer import PROGRAM, pgbouncer

if TYPE_CHECKING:
    from pathlib import Path

    from elf_sqlcheck.postgres.server import Server

needs_pgbouncer = pytest.mark.skipif(PROGRAM is None, reason="no pgbouncer is installed (Debian: pgbouncer)")
A = "20250101_000000_a"


@needs_pgbouncer
@pytest.mark.parametrize("pool_size", [1, 2, 20])
@pytest.mark.parametrize("round_robin", [False, True])
@pytest.mark.parametrize("busy", [0, 2])
def test_transaction_mode_is_found_out(database: str, pool_size: int, round_robin: bool, busy: int) -> None:
    with pgbouncer(database, "transaction", pool_size=pool_size, round_robin=round_robin) as url:
        # So that the pool already has more sessions than one, as in production.
        others = [SupabaseExecutor(url) for _ in range(min(busy, pool_size - 1) + 1)]
        for other in others:
            other.connection.execute("BEGIN")
        for other in others:
            other.connection.execute("COMMIT")
        with SupabaseExecutor(url) as first, SupabaseExecutor(url) as second:
            with pytest.raises(ConnectionFailed, match="a pooler in transaction mode") as caught:
                refuse_transaction_pooler(first, second)
            assert "session mode" in caught.value.remedy
        for other in others:
            other.close()


@needs_pgbouncer
def test_session_mode_and_a_direct_connection_pass(database: str) -> None:
    with pgbouncer(database, "session") as url:
        for way in (url, database):
            with SupabaseExecutor(way) as first, SupabaseExecutor(way) as second:
                refuse_transaction_pooler(first, second)


@needs_pgbouncer
def test_a_deploy_through_transaction_mode_changes_nothing(tmp_path: Path, database: str, server: Server) -> None:
    migrate_files.write(tmp_path / "migrations", A, "CREATE TABLE a (id uuid PRIMARY KEY DEFAULT gen_random_uuid());",
                        "DROP TABLE a;")  # fmt: skip
    with pgbouncer(database, "transaction") as url:
        done = elf_migrate(tmp_path, "up", "--yes", "--skip-validation", "--database-url", url, exit_code=2)
        assert "is a pooler in transaction mode" in done.stderr
        assert "pool_mode = session" in done.stderr
        with SupabaseExecutor(database) as executor:
            assert executor.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'") == []
            assert executor.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []
    with pgbouncer(database, "session") as url:
        elf_migrate(tmp_path, "up", "--yes", "--skip-validation", "--database-url", url)
    with SupabaseExecutor(database) as executor:
        assert executor.query("SELECT status FROM schema_migrations") == [{"status": "completed"}]
