"""Servers on loopback that answer byte for byte what a test tells them to, over TLS or not."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    Serve = Callable[[socket.socket], None]


class Authority:
    """A certificate authority of the test's own; `bundle` is the file to trust it by."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ca = trustme.CA()
        self.bundle = str(folder / "authority.pem")
        self._ca.cert_pem.write_to_path(self.bundle)

    def context(self, *names: str, not_after: datetime | None = None) -> ssl.SSLContext:
        """A server's TLS with a certificate for these names."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*names, not_after=not_after).configure_cert(made)
        return made

    def files(self, name: str) -> tuple[str, str]:
        """The files of a certificate for this name and of its key."""
        issued = self._ca.issue_cert(name)
        certificate, key = str(self._folder / f"{name}.pem"), str(self._folder / f"{name}.key")
        issued.cert_chain_pems[0].write_to_path(certificate)
        issued.private_key_pem.write_to_path(key)
        return certificate, key


@contextlib.contextmanager
def listening(serve: Serve, address: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """Accept connections while the body runs, each served by a thread; yields the port."""
    with socket.create_server((address, port)) as server:
        threading.Thread(target=_accept, args=(server, serve), daemon=True).start()
        yield server.getsockname()[1]
        # A thread in accept() is woken by shutdown only, not by close.
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)


def _accept(server: socket.socket, serve: Serve) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_served, args=(client, serve), daemon=True).start()


def _served(client: socket.socket, serve: Serve) -> None:
    with contextlib.suppress(OSError, EOFError), client:
        serve(client)


def read_exactly(client: socket.socket, size: int) -> bytes:
    """Read so many bytes. Raises EOFError when there are fewer."""
    data = b""
    while len(data) < size:
        more = client.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def http(status: int, body: bytes = b"", *headers: str) -> bytes:
    """An HTTP answer, byte for byte."""
    lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Web:
    """A web server: `answers` are given in turn, the last one again and again; `requests` are what came, as text."""

    answers: list[bytes | Serve]
    tls: ssl.SSLContext | None = None
    requests: list[str] = field(default_factory=list)

    def __call__(self, client: socket.socket) -> None:
        """Serve one connection."""
        if self.tls:
            client = self.tls.wrap_socket(client, server_side=True)
        with client:
            head = b""
            while b"\r\n\r\n" not in head:
                more = client.recv(65536)
                if not more:
                    return
                head += more
            self.requests.append(head.decode())
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if isinstance(answer, bytes):
                client.sendall(answer)
            else:
                answer(client)


@dataclass
class Routes:
    """A web server that answers by path; `requests` are the first lines of what came."""

    answers: dict[str, bytes]
    tls: ssl.SSLContext
    requests: list[str] = field(default_factory=list)

    def __call__(self, client: socket.socket) -> None:
        """Serve one connection."""
        with self.tls.wrap_socket(client, server_side=True) as safe:
            line = safe.recv(65536).decode().partition("\r\n")[0]
            self.requests.append(line)
            safe.sendall(self.answers.get(line.split()[1], http(404, b'{"message":"Not found"}')))
