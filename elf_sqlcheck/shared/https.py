"""HTTPS that carries a secret: verified TLS, one host, no redirects, bounded in time and size, few retries."""

from __future__ import annotations

import http.client
import os
import random
import socket
import ssl
import threading
import time
import traceback
import urllib.parse
import urllib.request
from dataclasses import dataclass

from elf_sqlcheck.shared.addresses import is_loopback

CA_VARIABLE = "ELF_CA_BUNDLE"

_STEP = 5.0  # seconds that a connection, or silence while reading, may last
_ATTEMPT = 10.0  # seconds for one attempt, however steadily bytes trickle in
_PATIENCE = 12.0  # seconds after which no further attempt is begun
_LONGEST_WAIT = 10.0  # seconds that a server may ask us to wait before the next attempt
_PAUSES = (0.5, 1.0)  # seconds before the second and the third attempt
_LARGEST = 256 * 1024  # bytes
_MOMENT = 1e9  # a larger number of seconds counts from 1970
_PASSING = frozenset({408, 429, 500, 502, 503, 504})


class NoAnswer(Exception):
    """No usable answer came; the text goes on after the server's name. `may_pass`: another attempt may bring one."""

    def __init__(self, text: str, remedy: str = "", *, may_pass: bool = True) -> None:
        super().__init__(text)
        self.remedy = remedy
        self.may_pass = may_pass


@dataclass(frozen=True)
class Answer:
    """What the server said, whatever its status."""

    status: int
    body: bytes
    asked_wait: float = 0.0
    location: str = ""


class Https:
    """Requests to one server that carry a secret in their headers.

    Args:
        url: Its address; a path in it comes before that of each request.
        headers: What every request carries; these values show in no error.
        unhurried: How many times longer than for somebody who waits at a terminal anything may take.
        largest: How many bytes an answer may have.

    Raises ValueError for an address to which no secret may be sent: no https, but for http on this very machine.
    """

    def __init__(self, url: str, headers: dict[str, str], *, unhurried: float = 1.0, largest: int = _LARGEST) -> None:
        parts = urllib.parse.urlsplit(url)
        self.host = parts.hostname or ""
        self._port = parts.port
        plain = parts.scheme == "http" and is_loopback(self.host)
        if not self.host or parts.username or not (plain or parts.scheme == "https"):
            raise ValueError(self.host)
        self._plain = plain
        self._path = parts.path.rstrip("/")
        self._headers = headers
        self._unhurried = unhurried
        self._largest = largest

    def fetch(self, method: str, path: str, body: bytes | None = None, *, once: bool = False) -> Answer:
        """Ask, and ask again after what may pass by itself: 429, 5xx, a connection that broke. Raises NoAnswer.

        A redirect is an answer like any other: it is not followed. A request that must not arrive twice is asked
        `once`, and again only when the server says that it was too much for it, and so was not carried out.
        """
        patience = time.monotonic() + _PATIENCE * self._unhurried
        for pause in _PAUSES:
            wait = pause
            try:
                answer = self._attempt(method, path, body)
            except NoAnswer as failure:
                if once or not failure.may_pass or time.monotonic() > patience:
                    raise
            else:
                wait = max(wait, answer.asked_wait)
                if not _may_pass(answer, once=once) or wait > _LONGEST_WAIT * self._unhurried:
                    return answer
            time.sleep(wait * random.uniform(1, 1.25))  # noqa: S311 - so that a crowd does not come back at once
        return self._attempt(method, path, body)

    def _attempt(self, method: str, path: str, body: bytes | None) -> Answer:
        """One request. Raises NoAnswer."""
        seconds = _ATTEMPT * self._unhurried
        deadline = time.monotonic() + seconds
        connection = self._connection()
        watchdog = threading.Timer(seconds, _cut_off, (connection,))
        watchdog.daemon = True
        try:
            watchdog.start()
            connection.request(method, self._path + path, body, self._headers)
            # Closed by itself: it holds the socket where the server ends the connection with its answer.
            with connection.getresponse() as response:
                said = _read(response, deadline, self._largest)
                if time.monotonic() >= deadline:
                    # Headers that were cut off look like headers that ended.
                    raise TimeoutError
                wait = _asked_wait(response.headers, response.status)
                return Answer(response.status, said, wait, response.headers.get("Location", ""))
        except ssl.SSLCertVerificationError as error:
            raise NoAnswer(
                f"shows a certificate that is not trusted: {error.verify_message}",
                f"Set SSL_CERT_FILE or {CA_VARIABLE} to the certificates of your network, if its proxy opens TLS.",
                may_pass=False,
            ) from None
        except TimeoutError:
            raise NoAnswer("did not answer in time") from None
        except socket.gaierror:
            raise NoAnswer("has no address: its name cannot be resolved") from None
        except (OSError, http.client.HTTPException) as error:
            if time.monotonic() >= deadline:
                raise NoAnswer("did not answer in time") from None
            why = (error.strerror or str(error)) if isinstance(error, OSError) else type(error).__name__
            # Python 3.11 leaves the answer of a proxy that refuses in a frame of this error, and it holds the socket.
            traceback.clear_frames(error.__traceback__)
            raise NoAnswer(f"cannot be reached, or broke off its answer: {why}") from None
        finally:
            watchdog.cancel()
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        host, port, step = self.host, self._port, _STEP * self._unhurried
        if self._plain:
            return http.client.HTTPConnection(host, port, timeout=step)
        context = _tls()
        no_proxy = is_loopback(host) or urllib.request.proxy_bypass(host)
        proxy = None if no_proxy else urllib.request.getproxies().get("https")
        if not proxy:
            return http.client.HTTPSConnection(host, port, timeout=step, context=context)
        way = urllib.parse.urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        connection = http.client.HTTPSConnection(way.hostname or "", way.port or 80, timeout=step, context=context)
        connection.set_tunnel(host, port or 443, _proxy_login(way))
        return connection


def _tls() -> ssl.SSLContext:
    # SSL_CERT_FILE and SSL_CERT_DIR are read by OpenSSL itself.
    context = ssl.create_default_context()
    bundle = os.environ.get(CA_VARIABLE, "").strip()
    if bundle:
        try:
            context.load_verify_locations(bundle)
        except OSError as error:
            said = error.strerror or "it holds no certificates"
            raise NoAnswer(f"cannot be asked: {CA_VARIABLE} names {bundle}: {said}", may_pass=False) from None
    return context


def _proxy_login(way: urllib.parse.SplitResult) -> dict[str, str]:
    if not way.username:
        return {}
    import base64

    login = f"{urllib.parse.unquote(way.username)}:{urllib.parse.unquote(way.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}


def _cut_off(connection: http.client.HTTPConnection) -> None:
    """End an attempt that a time-out for each single read does not end: headers that trickle in byte by byte."""
    if connection.sock is not None:
        try:
            # Not the TLS socket's own method, which would take its state away from under the thread that reads.
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
        except OSError:
            return


def _may_pass(answer: Answer, *, once: bool) -> bool:
    """Whether another attempt may bring another answer. GitHub says 403 for "too often", with a wait."""
    too_often = answer.status == 429 or (answer.status == 403 and answer.asked_wait > 0)
    return too_often or (not once and answer.status in _PASSING)


def _read(response: http.client.HTTPResponse, deadline: float, largest: int) -> bytes:
    body = bytearray()
    while chunk := response.read1(65536):
        body += chunk
        if len(body) > largest:
            raise NoAnswer(f"sends more than {largest // 1024} kB", may_pass=False)
        if time.monotonic() > deadline:
            raise TimeoutError
    if response.length:
        raise http.client.IncompleteRead(bytes(body))
    return bytes(body)


def _asked_wait(headers: http.client.HTTPMessage, status: int) -> float:
    """Seconds that the server asks to wait, 0 for none: Retry-After, or X-RateLimit-Reset after too many requests."""
    too_many = status == 429 or headers.get("X-RateLimit-Remaining") == "0"
    value = (headers.get("Retry-After") or (headers.get("X-RateLimit-Reset") if too_many else "") or "").strip()
    if value.isdecimal():
        seconds = float(value[:12])
        # Supabase names the seconds, GitHub the moment.
        return max(0.0, seconds - time.time()) if seconds > _MOMENT else seconds
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return 0.0
