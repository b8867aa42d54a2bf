"""The client of the Management API, against servers on loopback that answer well, badly, slowly and not at all."""

from __future__ import annotations

import itertools
import json
import time
import traceback
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from elf_sqlcheck.errors import ApiFailed
from elf_sqlcheck.shared import https
from elf_sqlcheck.shared.supabase_api import PoolerAddress, SupabaseApi
from tests.loopback import Authority, Web, http, listening

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

REF = "abcdefghijklmnopqrst"
TOKEN = "sbp_c4n4ryc4n4ryc4n4ryc4n4ry"
HOST = "aws-1-eu-central-1.pooler.supabase.com"
#: As https://api.supabase.com answered when its own command line was recorded.
POOLER = {
    "identifier": REF,
    "database_type": "PRIMARY",
    "db_user": f"postgres.{REF}",
    "db_host": HOST,
    "db_port": 6543,
    "db_name": "postgres",
    "connection_string": f"postgresql://postgres.{REF}:[YOUR-PASSWORD]@{HOST}:6543/postgres",
    "pool_mode": "transaction",
    "default_pool_size": None,
    "max_client_conn": None,
    "is_using_scram_auth": True,
}
PROJECT = {"id": REF, "ref": REF, "name": "shop", "region": "eu-central-1", "status": "ACTIVE_HEALTHY",
           "database": {"host": f"db.{REF}.supabase.co", "version": "17.6.1.111"}}  # fmt: skip
REPLICA = {**POOLER, "database_type": "READ_REPLICA", "db_host": "replica.pooler.supabase.com"}


def answer(value: object, status: int = 200, *headers: str) -> bytes:
    return http(status, json.dumps(value).encode(), *headers)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_STEP": 0.6, "_ATTEMPT": 1.2, "_PATIENCE": 3.0, "_PAUSES": (0.02, 0.02)}.items():
        monkeypatch.setattr(https, name, value)
    for name in ("ELF_SUPABASE_API", "SUPABASE_API_URL", "SSL_CERT_FILE", "ELF_CA_BUNDLE", "HTTPS_PROXY", "https_proxy",
                 "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def web(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """The API, trusted, at the address that the client is told."""
    server = Web([], authority.context("localhost"))
    monkeypatch.setenv("SSL_CERT_FILE", authority.bundle)
    with listening(server) as port:
        monkeypatch.setenv("ELF_SUPABASE_API", f"https://localhost:{port}/")
        yield server


def failure(ask: Callable[[SupabaseApi], object] = lambda api: api.pooler(REF)) -> ApiFailed:
    """The error of a question; the token must show nowhere in it."""
    with pytest.raises(ApiFailed) as caught:
        ask(SupabaseApi(TOKEN))
    shown = str(caught.value) + "".join(traceback.format_exception(caught.value))
    assert TOKEN not in shown
    assert caught.value.exit_code == 2
    return caught.value


def test_the_pooler_of_the_primary_is_found(web: Web) -> None:
    web.answers = [answer([REPLICA, POOLER])]
    found = SupabaseApi(TOKEN).pooler(REF)
    assert found == PoolerAddress(HOST, 6543, f"postgres.{REF}", "postgres", "transaction")
    (request,) = web.requests
    assert request.startswith(f"GET /v1/projects/{REF}/config/database/pooler HTTP/1.1\r\n")
    assert f"Authorization: Bearer {TOKEN}\r\n" in request


def test_status_and_bans(web: Web) -> None:
    web.answers = [answer(PROJECT), answer({"banned_ipv4_addresses": ["203.0.113.7"]}, 201)]
    api = SupabaseApi(TOKEN)
    assert api.status(REF) == "ACTIVE_HEALTHY"
    assert api.banned_addresses(REF) == ["203.0.113.7"]
    assert web.requests[1].startswith(f"POST /v1/projects/{REF}/network-bans/retrieve HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("answers", "said", "asked"),
    [
        ([answer({"message": "Unauthorized"}, 401)], "does not accept SUPABASE_ACCESS_TOKEN", 1),
        ([answer({"message": "Forbidden"}, 403)], f"read project {REF}", 1),
        ([answer({"message": "Not found"}, 404)], f"knows no project {REF}", 1),
        ([answer({"message": f"bad {TOKEN}\x1b[31m."}, 400)], "status 400: bad ***[31m.", 1),
        ([answer({"message": "Too many"}, 429, "Retry-After: 77")], "asks to wait 77 seconds", 1),
        ([answer({"message": "Too many"}, 429, "X-RateLimit-Reset: 60")], "asks to wait 60 seconds", 1),
        ([answer({}, 429, "Retry-After: 0")], "asked too often.", 3),
        ([answer({}, 429, "Retry-After: nonsense")], "asked too often.", 3),
        ([answer({"message": "Oops"}, 500, "X-RateLimit-Reset: 60")], "status 500: Oops.", 3),
        ([http(502, b"<html>Bad gateway</html>")], "status 502.", 3),
        ([http(200, b"<!DOCTYPE html><title>Login</title>")], "did not answer as the reference", 1),
        ([http(200)], "did not answer as the reference", 1),
        ([http(200, b"[" * 100_000)], "did not answer as the reference", 1),
        ([http(200, b" " * 300_000)], "more than 256 kB", 1),
        ([answer([POOLER])[:-40]], "broke off its answer", 3),
        ([b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n[{"], "broke off its answer", 3),
        ([b"SSH-2.0-OpenSSH_9.2\r\n"], "broke off its answer", 3),
        ([b""], "broke off its answer", 3),
    ],
)
def test_a_bad_answer_is_told_and_asked_again_only_where_that_may_help(
    web: Web, answers: list[Any], said: str, asked: int
) -> None:
    web.answers = answers
    assert said in failure().message
    assert len(web.requests) == asked


@pytest.mark.parametrize(
    "strange",
    [
        {"message": "hello"},
        [],
        [REPLICA],
        ["PRIMARY"],
        [{**POOLER, "db_port": "6543"}],
        [{**POOLER, "db_port": True}],
        [{**POOLER, "db_port": 70000}],
        [{**POOLER, "db_host": None}],
        [{**POOLER, "db_host": "a\nb"}],
        [{**POOLER, "db_user": ""}],
        [{key: value for key, value in POOLER.items() if key != "pool_mode"}],
    ],
)
def test_an_answer_of_another_shape_is_no_pooler(web: Web, strange: object) -> None:
    web.answers = [answer(strange)]
    assert "localhost" in failure().message
    assert len(web.requests) == 1


def test_what_passes_is_asked_again_and_then_answered(web: Web) -> None:
    web.answers = [http(503, b""), answer({}, 429, "Retry-After: 1"), answer([POOLER])]
    begun = time.monotonic()
    assert SupabaseApi(TOKEN).pooler(REF).host == HOST
    assert time.monotonic() - begun >= 1
    assert len(web.requests) == 3


def test_the_token_follows_no_redirect(web: Web, authority: Authority) -> None:
    elsewhere = Web([answer([POOLER])], authority.context("localhost"))
    with listening(elsewhere) as port:
        web.answers = [http(302, b"", f"Location: https://localhost:{port}/v1/x")]
        assert "redirects to localhost, and the access token is not carried there" in failure().message
    assert elsewhere.requests == []


def trickle(begin: bytes, piece: bytes) -> Callable[[socket.socket], None]:
    def serve(client: socket.socket) -> None:
        client.sendall(begin)
        for _ in itertools.count():
            client.sendall(piece)
            time.sleep(0.05)

    return serve


@pytest.mark.parametrize(
    "slow",
    [
        lambda _: time.sleep(5),
        trickle(b"HTTP/1.1 200 X\r\n", b"A: b\r\n"),
        trickle(b"HTTP/1.1 200 X\r\nContent-Length: 9999\r\n\r\n", b" "),
        trickle(b"HTTP/1.1 200 X\r\nX: ", b"y"),
    ],
    ids=["silence", "headers", "body", "one header"],
)
def test_a_server_that_takes_too_long_is_given_up(web: Web, slow: Callable[[socket.socket], None]) -> None:
    web.answers = [slow]
    begun = time.monotonic()
    assert "did not answer in time" in failure().message
    assert time.monotonic() - begun < 8


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_API_URL", "https://127.0.0.1:1")
    assert "Connection refused" in failure().message
    monkeypatch.setenv("SUPABASE_API_URL", "https://no-such-host.invalid")
    assert "no-such-host.invalid has no address" in failure().message


@pytest.mark.parametrize("trust", ["SSL_CERT_FILE", "ELF_CA_BUNDLE"])
def test_certificates_are_verified(authority: Authority, monkeypatch: pytest.MonkeyPatch, trust: str) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    cases = {
        "not trusted: unable to get local issuer certificate": authority.context("localhost"),
        "not trusted: Hostname mismatch": authority.context("elsewhere.example"),
        "not trusted: certificate has expired": authority.context("localhost", not_after=yesterday),
    }
    for said, context in cases.items():
        web = Web([answer([POOLER])], context)
        with listening(web) as port:
            monkeypatch.setenv("ELF_SUPABASE_API", f"https://localhost:{port}")
            monkeypatch.delenv(trust, raising=False)
            if "local issuer" not in said:
                monkeypatch.setenv(trust, authority.bundle)
            found = failure()
            assert said in found.message
            assert "SSL_CERT_FILE" in found.remedy
            assert web.requests == []
            monkeypatch.setenv(trust, authority.bundle)
            if "local issuer" in said:
                assert SupabaseApi(TOKEN).pooler(REF).host == HOST


def test_a_server_without_tls_gets_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    got = []

    def serve(client: socket.socket) -> None:
        got.append(client.recv(65536))
        client.sendall(http(400))

    with listening(serve) as port:
        monkeypatch.setenv("ELF_SUPABASE_API", f"https://localhost:{port}")
        assert "cannot be reached" in failure().message
    assert got
    assert not any(TOKEN.encode() in data for data in got)


def test_a_bundle_that_cannot_be_read_is_named(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    web.answers = [answer([POOLER])]
    monkeypatch.setenv("ELF_CA_BUNDLE", str(tmp_path / "none.pem"))
    assert "ELF_CA_BUNDLE names" in failure().message
    (tmp_path / "none.pem").write_text("nothing")
    assert "ELF_CA_BUNDLE names" in failure().message
    assert web.requests == []


@pytest.mark.parametrize(
    "url",
    ["http://api.example.org", "ftp://localhost", "https://", "https://user:pw@localhost", "localhost:80",
     "https://localhost:port", "http://127.0.0.1.example.org", "https://[::1"],
)  # fmt: skip
def test_no_token_is_sent_in_the_clear(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELF_SUPABASE_API", url)
    assert "no address to which an access token may be sent" in failure().message


def test_plain_http_is_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(Web([answer(PROJECT)])) as port:
        monkeypatch.setenv("SUPABASE_API_URL", f"http://127.0.0.1:{port}")
        assert SupabaseApi(TOKEN).status(REF) == "ACTIVE_HEALTHY"


@pytest.mark.parametrize("token", ["sbp_a b", "sbp_a\nX-Header: b", "", "sbp_ü"])
def test_a_token_that_is_none_is_not_repeated(token: str) -> None:
    with pytest.raises(ApiFailed) as caught:
        SupabaseApi(token)
    assert caught.value.message == "SUPABASE_ACCESS_TOKEN is not an access token."


def test_a_reference_is_no_path(web: Web) -> None:
    web.answers = [answer(PROJECT)]
    assert "is not the reference" in failure(lambda api: api.status("../organizations")).message
    assert web.requests == []


def test_a_proxy_is_gone_through(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    api = Web([answer(PROJECT)], authority.context("api.supabase.test"))
    heads = []

    def tunnel(client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(1)
        heads.append(head.decode())
        if "Proxy-Authorization: Basic dTpwIHc=" not in heads[-1]:
            client.sendall(http(407))
            return
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        api(client)

    monkeypatch.setenv("ELF_CA_BUNDLE", authority.bundle)
    monkeypatch.setenv("ELF_SUPABASE_API", "https://api.supabase.test")
    with listening(tunnel) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://u:p%20w@127.0.0.1:{port}")
        assert SupabaseApi(TOKEN).status(REF) == "ACTIVE_HEALTHY"
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        assert "407" in failure().message
    assert heads[0].startswith("CONNECT api.supabase.test:443 ")
    assert not any(TOKEN in head for head in heads)
