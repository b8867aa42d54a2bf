"""Trials of what surrounds a deploy: a full disk, a clock that jumps, statements that take too long, changed files."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from elf_sqlcheck.migrate.lock import KEY
from elf_sqlcheck.postgres.account import account
from tests.faults.ground import DATABASE
from tests.faults.kinds import Kind
from tests.faults.wire import held, number
from tests.pgbouncer import PROGRAM, pgbouncer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.ground import Ground

_JUMPS = ("-1d", "+1h", "-1h", "+1d")
#: What is left in the tablespace, in kB: from "not even the history's tables" to "most of the chain".
_LEFT = (0, 200, 240, 280, 320, 360, 400, 440, 480, 520, 560, 600, 640, 700, 760)


def too_slow(ground: Ground, point: int) -> list[str]:
    """Every statement of the deployer is cancelled that takes longer than `point` ms; then that is lifted."""
    ground.fresh()
    ground.set("statement_timeout", f"{point}ms")
    ended = ground.start().wait()
    ground.set("statement_timeout", None)
    return ground.judge(ended)


def disk_full(ground: Ground, point: int) -> list[str]:
    """The tablespace of the database is full before the deploy is done; then there is room again."""
    ground.fresh()
    with _small_disk(ground) as folder, ground.server.connect() as connection:
        connection.execute(sql.SQL("ALTER DATABASE {} SET TABLESPACE small").format(sql.Identifier(DATABASE)))
        ballast = Path(folder, "ballast")
        ballast.write_bytes(bytes(shutil.disk_usage(folder).free - _LEFT[point] * 1024))
        ended = ground.start().wait()
        wrong = []
        if ended.code != 0 and "No space left on device" not in ended.said:
            wrong.append(f"it ended with {ended.code}: {ended.said.strip()[-600:]}")
        ballast.unlink()
        wrong += ground.judge(ended)
        ground.server.drop(DATABASE)
    return wrong


@contextlib.contextmanager
def _small_disk(ground: Ground) -> Iterator[str]:
    folder = f"{ground.server.folder}/small"
    os.mkdir(folder)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], check=True)
    try:
        who = account()
        os.chown(folder, who.uid, who.gid)
        os.mkdir(f"{folder}/data")
        os.chown(f"{folder}/data", who.uid, who.gid)
        with ground.server.connect() as connection:
            connection.execute(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(sql.Literal(f"{folder}/data")))
            try:
                yield folder
            finally:
                ground.server.drop(DATABASE)
                connection.execute("CHECKPOINT")
                connection.execute("DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", folder], check=True)
        os.rmdir(folder)


def _no_mount() -> str:
    if os.geteuid() or not shutil.which("mount"):
        return "only root can mount a small disk"
    try:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=True, capture_output=True)
            subprocess.run(["umount", folder], check=True)
    except subprocess.CalledProcessError:
        return "this machine lets root mount nothing"
    return ""


def changed_file(ground: Ground, point: int) -> list[str]:
    """A file is changed, or deleted, after the deployer has read and checked it, while it waits for the lock."""
    ground.fresh()
    files = sorted(Path(ground.folder, "migrations").iterdir())
    path = files[point // 2 % len(files)]
    before = path.read_text(encoding="utf-8")
    with ground.connect() as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", (KEY,))
        deployer = ground.start("--lock-wait", "30")
        deadline = time.monotonic() + 10
        while "waiting for another deployer" not in deployer.said() and time.monotonic() < deadline:
            time.sleep(0.01)
        if point % 2:
            path.unlink()
        else:
            path.write_text(before.replace("INSERT", "DELETE FROM effects;\nINSERT", 1), encoding="utf-8")
        holder.execute("SELECT pg_advisory_unlock(%s)", (KEY,))
        ended = deployer.wait()
    try:
        after = ground.start().wait()
        wrong = [] if ended.code == 0 else [f"it ended with {ended.code}: {ended.said.strip()[-400:]}"]
        if point % 2 == 0 and "DELETE" in path.read_text(encoding="utf-8") and after.code == 0:
            wrong.append("the rerun did not notice that what is applied was changed")
    finally:
        path.write_text(before, encoding="utf-8")
    return wrong + ground.judge(ended)


def clock_jumps(ground: Ground, point: int) -> list[str]:
    """The clock of the server jumps by a day or an hour while the deployer is between two messages."""
    clock = f"{ground.server.folder}/clock"
    Path(clock).write_text("+0", encoding="utf-8")
    os.chmod(clock, 0o644)
    ground.server.stop()
    try:
        ground.server.start(
            LD_PRELOAD=_faketime(),
            FAKETIME_TIMESTAMP_FILE=clock,
            FAKETIME_NO_CACHE="1",
            FAKETIME_DONT_FAKE_MONOTONIC="1",
        )
        with held(ground, number(point)) as (proxy, deployer):
            Path(clock).write_text(_JUMPS[point % len(_JUMPS)], encoding="utf-8")
            proxy.release()
            ended = deployer.wait()
        wrong = [] if ended.code == 0 else [f"it ended with {ended.code}: {ended.said.strip()[-400:]}"]
        return wrong + ground.judge(ended)
    finally:
        ground.server.stop()
        ground.server.start()


def _faketime() -> str:
    return next(iter(glob.glob("/usr/lib/*/faketime/libfaketime.so.1")), "")


def session_pooler(ground: Ground, point: int) -> list[str]:
    """Through PgBouncer in session mode, killed between two messages."""
    ground.fresh()
    with pgbouncer(ground.server.url(DATABASE), "session") as url:
        port = int(conninfo_to_dict(url)["port"] or 0)
        with held(ground, number(point), port) as (_, deployer):
            deployer.signal(signal.SIGKILL)
            ended = deployer.wait()
        return ground.judge(ended)


def transaction_pooler(ground: Ground, point: int) -> list[str]:
    """Through PgBouncer in transaction mode nothing is run, and the reason is told, even when others use it as well."""
    ground.fresh()
    with pgbouncer(ground.server.url(DATABASE), "transaction", round_robin=point % 2 == 1) as url:
        port = int(conninfo_to_dict(url)["port"] or 0)
        ended = [deployer.wait() for deployer in [ground.start(port=port) for _ in range(1 + point // 2)]]
    wrong = [
        f"it ended with {one.code}: {one.said.strip()[-400:]}"
        for one in ended
        if one.code != 2 or "pooler" not in one.said
    ]
    with ground.connect() as connection:
        if connection.execute("SELECT to_regclass('public.effects')").fetchone() != (None,):
            wrong.append("something was run")
    return wrong + ground.judge(*ended)


def _every_tenth(ground: Ground) -> range:
    return range(0, len(ground.messages), 10)


KINDS = (
    Kind("statements that take too long", too_slow, lambda _: (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 30, 50)),
    Kind("disk full", disk_full, lambda _: range(len(_LEFT)), missing=_no_mount),
    Kind("clock of the server jumps", clock_jumps, _every_tenth, share=6,
         missing=lambda: "" if _faketime() else "libfaketime is not installed"),
    Kind("file changed or deleted between plan and run", changed_file, lambda _: range(12)),
    Kind("kill -9 behind PgBouncer in session mode", session_pooler, _every_tenth, share=4,
         missing=lambda: "" if PROGRAM else "pgbouncer is not installed"),
    Kind("PgBouncer in transaction mode", transaction_pooler, lambda _: range(6),
         missing=lambda: "" if PROGRAM else "pgbouncer is not installed"),
)  # fmt: skip
