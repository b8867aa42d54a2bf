"""Trials on the wire: the deployer dies, or a connection does, between two messages of the protocol."""

from __future__ import annotations

import contextlib
import signal
import time
from typing import TYPE_CHECKING

from tests.faults.kinds import Kind
from tests.faults.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.faults.ground import Ground
    from tests.faults.proxy import Message
    from tests.forks import Deployer

LOCK = "elf-migrate lock"
#: Seconds that a second deployer gets to do its worst while the first is held up.
_HEAD_START = 1.0
_TERMINATE = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE datname = current_database() AND application_name = ANY (%s)
"""


@contextlib.contextmanager
def held(ground: Ground, at: Callable[[Message], bool], upstream: int = 0) -> Iterator[tuple[Proxy, Deployer]]:
    """A deployer that is held up at a message, or has ended because there was no such message.

    `upstream` is the port of a pooler between the proxy and the server.
    """
    if not upstream:
        ground.fresh()
    with Proxy(upstream or ground.server.port, at) as proxy:
        deployer = ground.start(port=proxy.port)
        while not proxy.reached.wait(0.005) and deployer.is_running():
            pass
        yield proxy, deployer


def number(wanted: int) -> Callable[[Message], bool]:
    """The message of that number."""
    return lambda message: message.number == wanted


def kill(ground: Ground, point: int) -> list[str]:
    with held(ground, number(point)) as (_, deployer):
        deployer.signal(signal.SIGKILL)
        # Before the server hears of it: what of the message it has got by now is all that it will get.
        ended = deployer.wait()
    return ground.judge(ended)


def cut(ground: Ground, point: int) -> list[str]:
    with held(ground, number(point)) as (proxy, deployer):
        proxy.cut(abruptly=point % 2 == 0)
        ended = deployer.wait()
    return ground.judge(ended)


def cut_lock(ground: Ground, point: int) -> list[str]:
    with held(ground, number(point)) as (proxy, deployer):
        proxy.cut_named(LOCK)
        proxy.release()
        ended = deployer.wait()
    return ground.judge(ended)


def steal(ground: Ground, point: int) -> list[str]:
    """The session of the lock is lost, and another deployer begins, while the first one hangs in the network."""
    with held(ground, number(point)) as (proxy, first):
        proxy.cut_named(LOCK)
        second = ground.start("--lock-wait", "5")
        deadline = time.monotonic() + _HEAD_START
        while second.is_running() and time.monotonic() < deadline:
            time.sleep(0.01)
        proxy.release()
        ended = [first.wait(), second.wait()]
    return ground.judge(*ended)


def freeze(ground: Ground, point: int) -> list[str]:
    with held(ground, number(point)) as (proxy, deployer):
        time.sleep(0.2)
        proxy.release()
        ended = deployer.wait()
    wrong = [] if ended.code == 0 else [f"it ended with {ended.code}: {ended.said.strip()[-600:]}"]
    return wrong + ground.judge(ended)


def terminate(ground: Ground, point: int) -> list[str]:
    """An administrator ends a session: the one at work, that of the lock, or both, in turn."""
    whose = (["elf-migrate"], [LOCK], ["elf-migrate", LOCK])[point % 3]
    with held(ground, number(point)) as (proxy, deployer):
        with ground.connect() as connection:
            connection.execute(_TERMINATE, (whose,))
        proxy.release()
        ended = deployer.wait()
    return ground.judge(ended)


def crash(ground: Ground, point: int) -> list[str]:
    """The server stops at once, without a checkpoint; a rerun says so, and after the start another goes on."""
    with held(ground, number(point)) as (proxy, deployer):
        ground.server.stop()
        try:
            proxy.release()
            ended = deployer.wait()
            meanwhile = ground.start().wait()
        finally:
            ground.server.start()
    wrong = []
    # The port is closed a moment after the server has gone: until then it opens connections that nobody answers.
    if meanwhile.code != 2 or "Cannot connect to" not in meanwhile.said:
        wrong.append(f"without a server, the rerun ended with {meanwhile.code}: {meanwhile.said.strip()[-600:]}")
    return wrong + ground.judge(ended)


def _messages(ground: Ground) -> Sequence[int]:
    # A run may take a message more or less than another: the first points beyond the end show that it ended well.
    return range(len(ground.messages))


KINDS = (
    Kind("kill -9 of the deployer between two messages", kill, _messages),
    Kind("all connections cut between two messages", cut, _messages),
    Kind("connection of the lock cut", cut_lock, _messages, share=4),
    Kind("lock lost and a second deployer begins", steal, _messages, share=4),
    Kind("network frozen for a while", freeze, _messages, share=16),
    Kind("backend terminated", terminate, _messages, share=4),
    Kind("server stopped at once and restarted", crash, _messages, share=16),
)
