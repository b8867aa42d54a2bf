"""A stand-in for Supavisor on loopback: speaks the start-up of the Postgres protocol, then refuses, or passes on.

See https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-START-UP
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.loopback import read_exactly

if TYPE_CHECKING:
    from collections.abc import Callable

_SSL, _GSS = 80877103, 80877104


def refusal(sqlstate: str, message: str) -> bytes:
    """An ErrorResponse as a server sends it."""
    fields = "".join(
        f"{key}{value}\0" for key, value in zip("SVCM", ("FATAL", "FATAL", sqlstate, message), strict=True)
    )
    return _message(b"E", fields.encode() + b"\0")


@dataclass
class Supavisor:
    """A pooler, which lets its clients through to a real server's socket under the name `postgres`.

    `databases` are those of its projects, by their references; others get the one that they ask for. `refusals` are
    given to the first clients, in turn; a function gets the socket instead. `users` are the names that asked to be let
    in, `passwords` counts those that were sent.
    """

    backend: str = ""
    password: str = ""
    tls: ssl.SSLContext | None = None
    refusals: list[bytes | Callable[[socket.socket], None]] = field(default_factory=list)
    databases: dict[str, str] = field(default_factory=dict)
    users: list[str] = field(default_factory=list)
    passwords: int = 0

    def __call__(self, client: socket.socket) -> None:
        """Serve one connection."""
        with contextlib.ExitStack() as open_sockets:
            self._serve(client, open_sockets)

    def _serve(self, client: socket.socket, open_sockets: contextlib.ExitStack) -> None:
        while True:
            size, code = struct.unpack("!II", read_exactly(client, 8))
            rest = read_exactly(client, size - 8)
            if code not in (_SSL, _GSS):
                break
            offered = self.tls is not None and code == _SSL
            client.sendall(b"S" if offered else b"N")
            if self.tls is not None and offered:
                client = open_sockets.enter_context(self.tls.wrap_socket(client, server_side=True))
        parts = rest.rstrip(b"\0").split(b"\0")
        wanted = dict(zip(parts[::2], parts[1::2], strict=True))
        self.users.append(wanted[b"user"].decode())
        if self.refusals:
            answer = self.refusals.pop(0)
            if callable(answer):
                answer(client)
            else:
                client.sendall(answer)
            return
        if self.password and not self._knows(client):
            client.sendall(refusal("28P01", 'password authentication failed for user "postgres"'))
            return
        self._pass_on(client, wanted)

    def _knows(self, client: socket.socket) -> bool:
        """Ask for the password in the clear, as poolers do over TLS."""
        client.sendall(_message(b"R", struct.pack("!I", 3)))
        _, size = struct.unpack("!cI", read_exactly(client, 5))
        self.passwords += 1
        return read_exactly(client, size - 4).rstrip(b"\0").decode() == self.password

    def _pass_on(self, client: socket.socket, wanted: dict[bytes, bytes]) -> None:
        reference = wanted[b"user"].decode().rpartition(".")[2]
        if reference in self.databases:
            wanted[b"database"] = self.databases[reference].encode()
        wanted[b"user"] = b"postgres"
        body = b"".join(key + b"\0" + value + b"\0" for key, value in wanted.items()) + b"\0"
        with socket.socket(socket.AF_UNIX) as server:
            server.connect(self.backend)
            server.sendall(struct.pack("!II", len(body) + 8, 196608) + body)
            while True:
                waiting = isinstance(client, ssl.SSLSocket) and client.pending()
                ready = [client] if waiting else select.select([client, server], [], [])[0]
                for source in ready:
                    data = source.recv(65536)
                    if not data:
                        return
                    (server if source is client else client).sendall(data)


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body
