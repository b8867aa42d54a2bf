"""A proxy on loopback between a deployer and Postgres, which sees every message and can hold one of them.

It reads the frames of the protocol in both directions, over all connections that go through it, and gives each a
number from 0. At the message of a chosen number it stops: `reached` is set, nothing more goes through on that way until
`release`, and meanwhile whoever runs the trial does harm. See
https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import AsyncIterator, Callable

_SECONDS = 30.0


class Message(NamedTuple):
    """A message that came through: its number, which connection (from 0), from the server or not, and its type byte."""

    number: int
    connection: int
    from_server: bool
    kind: bytes
    body: bytes

    def __str__(self) -> str:
        way = "<" if self.from_server else ">"
        shown = self.body[:40].split(b"\0")[0].decode(errors="replace") if self.kind in b"QPC" else ""
        return f"{self.number}: {self.connection}{way}{self.kind.decode() or 'startup'} {shown}".rstrip()


class Proxy:
    """Listens on `port` while it is entered.

    Args:
        upstream: The port of Postgres on loopback.
        at: Says of each message whether it is the one to be held; after that one it is not asked again.
    """

    def __init__(self, upstream: int, at: Callable[[Message], bool] = lambda _: False) -> None:
        self._upstream = upstream
        self._at = at
        self._ways: dict[int, list[StreamWriter]] = {}
        self.seen: list[Message] = []
        self.held: Message | None = None
        #: The application_name of each connection.
        self.names: dict[int, str] = {}
        self.reached = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._released = asyncio.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS)
        self._listener.close()

    def cut(self, connection: int | None = None, *, abruptly: bool = False) -> None:
        """Close one connection, or all, on both sides; `abruptly` with RST, after which neither side may read on."""
        asyncio.run_coroutine_threadsafe(self._cut(connection, abruptly=abruptly), self._loop).result(_SECONDS)

    def cut_named(self, name: str) -> None:
        """Close the connections that came with this application_name, in good order."""
        for connection, own in list(self.names.items()):
            if own == name:
                self.cut(connection)

    def release(self) -> None:
        """Let the message that is held go on, if there is still somebody to get it."""
        self._loop.call_soon_threadsafe(self._released.set)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._connected, sock=self._listener))
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _connected(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        except OSError:
            writer.close()
            return
        number = len(self._ways)
        self._ways[number] = [writer, server_writer]
        for one in (writer, server_writer):
            # asyncio does so itself only for sockets that were told their protocol, which accepted ones are not.
            one.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(
                self._pump(number, reader, server_writer, from_server=False),
                self._pump(number, server_reader, writer, from_server=True),
                return_exceptions=True,
            )

    async def _pump(self, connection: int, reader: StreamReader, writer: StreamWriter, *, from_server: bool) -> None:
        try:
            async for kind, head, body in _frames(reader, begins_bare=not from_server):
                message = Message(len(self.seen), connection, from_server, kind, body)
                self.seen.append(message)
                if not kind:
                    words = body[4:].decode(errors="replace").split("\0")
                    self.names[connection] = dict(zip(words[::2], words[1::2], strict=False)).get(
                        "application_name", ""
                    )
                if self.held is None and self._at(message):
                    self.held = message
                    self.reached.set()
                    await self._released.wait()
                writer.write(head + body)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            with contextlib.suppress(OSError, RuntimeError):
                writer.close()

    async def _cut(self, connection: int | None, *, abruptly: bool) -> None:
        for number, writers in self._ways.items():
            if connection in (None, number):
                for writer in writers:
                    if abruptly:
                        _reset_on_close(writer)
                        writer.transport.abort()
                    else:
                        writer.close()
        await asyncio.sleep(0)


async def _frames(reader: StreamReader, *, begins_bare: bool) -> AsyncIterator[tuple[bytes, bytes, bytes]]:
    """The messages as (type, what comes before the body, body); the very first of a client has no type."""
    while True:
        kind = b"" if begins_bare else await reader.readexactly(1)
        begins_bare = False
        length = await reader.readexactly(4)
        yield kind, kind + length, await reader.readexactly(struct.unpack("!i", length)[0] - 4)


def _reset_on_close(writer: StreamWriter) -> None:
    own = writer.get_extra_info("socket")
    if own is not None and own.fileno() >= 0:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
