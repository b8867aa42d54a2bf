"""Trials in which others are at work: many deployers at once, one that is stopped, sessions that hold locks."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

from tests.faults.kinds import Kind
from tests.faults.wire import held, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.ground import Ground
    from tests.faults.proxy import Message

#: Which migration of the chain waits: its number, and the lock that is in its way.
_LOCKED = (
    (1, "ACCESS EXCLUSIVE"), (1, "SHARE"), (2, "SHARE UPDATE EXCLUSIVE"), (2, "ROW EXCLUSIVE"), (3, "ACCESS SHARE"),
    (5, "ACCESS EXCLUSIVE"),
)  # fmt: skip
_WAITING = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND application_name = 'elf-migrate' AND wait_event_type = 'Lock'
"""


def many(ground: Ground, count: int) -> list[str]:
    """Deployers at once: one runs everything, the others find that nothing is left to do."""
    ground.fresh()
    deployers = [ground.start("--lock-wait", "50") for _ in range(count)]
    ended = [deployer.wait() for deployer in deployers]
    wrong = [f"one of {count} ended with {one.code}: {one.said.strip()[-400:]}" for one in ended if one.code]
    if (busy := sum("  applied " in one.said for one in ended)) != 1:
        wrong.append(f"{busy} of {count} applied something")
    return wrong + ground.judge(*ended)


def stopped(ground: Ground, point: int) -> list[str]:
    """A deployer is stopped while it holds the lock; another says who holds it and ends with 4; the first goes on."""
    with held(ground, number(point)) as (proxy, first):
        first.signal(signal.SIGSTOP)
        proxy.release()
        second = ground.start("--lock-wait", "0.3").wait()
        before = ground.done()
        first.signal(signal.SIGCONT)
        ended = first.wait()
    wrong = []
    if second.code != 4 or "elf-migrate lock of postgres, pid" not in second.said:
        wrong.append(f"the second ended with {second.code}: {second.said.strip()[-400:]}")
    if ended.code:
        wrong.append(f"the first ended with {ended.code}: {ended.said.strip()[-400:]}")
    if before == ground.versions:
        wrong.append("nothing was left to do when the second came: this point proves nothing")
    return wrong + ground.judge(ended)


def blocked(ground: Ground, point: int, *, patient: bool) -> list[str]:
    """A session of the application holds a lock on `customers`, for a while or until the deployer gives up."""
    place, lock = _LOCKED[point % len(_LOCKED)]
    ground.fresh()
    ground.set("lock_timeout", "2s" if patient else "100ms")
    first = ground.start("--target", ground.versions[place - 1]).wait()
    assert first.code == 0, first.said
    with ground.connect(application_name="the shop") as holder:
        holder.execute("BEGIN")
        holder.execute(f"LOCK TABLE customers IN {lock} MODE".encode())
        deployer = ground.start("--lock-retries", "5" if patient else "1")
        _wait_until_it_waits(ground)
        if patient:
            time.sleep(0.5)
            holder.execute("ROLLBACK")
        ended = deployer.wait()
        holder.execute("ROLLBACK")
    ground.set("lock_timeout", None)
    wrong = []
    if patient and ended.code:
        wrong.append(f"released in time, and it ended with {ended.code}: {ended.said.strip()[-600:]}")
    if not patient and (ended.code != 1 or "the shop" not in ended.said):
        wrong.append(f"never released, and it ended with {ended.code}: {ended.said.strip()[-600:]}")
    return wrong + ground.judge(ended)


def _wait_until_it_waits(ground: Ground) -> None:
    deadline = time.monotonic() + 10
    with ground.connect() as connection:
        while time.monotonic() < deadline:
            if connection.execute(_WAITING).fetchone() != (0,):
                return
            time.sleep(0.02)


def _at_work(ground: Ground) -> Sequence[int]:
    """The messages by which a section is sent: the lock is held then, and something is left to do after it."""
    return [message.number for message in ground.messages if _sends_a_section(message)]


def _sends_a_section(message: Message) -> bool:
    # The history keeps the text of a migration: what writes it has the words, too.
    return message.kind == b"Q" and b"effects" in message.body and b"migration_history" not in message.body


def released_in_time(ground: Ground, point: int) -> list[str]:
    return blocked(ground, point, patient=True)


def never_released(ground: Ground, point: int) -> list[str]:
    return blocked(ground, point, patient=False)


def kills_at_random(ground: Ground, point: int) -> list[str]:
    """Five deployers, and whichever works is killed again and again, wherever it is."""
    ground.fresh()
    deployers = [ground.start("--lock-wait", "50") for _ in range(5)]
    for turn, deployer in enumerate(deployers[:4]):
        threading.Event().wait(0.05 + (point * 7 + turn * 13) % 23 / 100)
        deployer.signal(signal.SIGKILL)
    return ground.judge(*(deployer.wait() for deployer in deployers))


KINDS = (
    Kind("2, 5 and 20 deployers at once", many, lambda _: (2, 5, 20)),
    Kind("deployers at once, killed one after the other", kills_at_random, lambda _: range(12)),
    Kind("deployer frozen with SIGSTOP, holding the lock", stopped, _at_work),
    Kind("lock of another session, released later", released_in_time, lambda _: range(len(_LOCKED))),
    Kind("lock of another session, never released", never_released, lambda _: (0, 3)),
)
