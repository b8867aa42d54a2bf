"""The stand-ins for pgcrypto and uuid-ossp answer as the real extensions do, or say that they cannot."""

from __future__ import annotations

import hashlib
import hmac
import os
import uuid
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from elf_sqlcheck.postgres.server import throwaway
from elf_sqlcheck.postgres.snapshot import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

#: What both the stand-ins and the real extensions must answer alike.
EXACT = [
    "digest('', 'md5')",
    "digest('abc', 'sha1')",
    "digest('héllo', 'SHA256')",
    "digest('\\x00ff'::bytea, 'sha224')",
    "digest(repeat('x', 1000), 'sha384')",
    "digest('abc', 'sha512')",
    "hmac('data', 'key', 'md5')",
    "hmac('data', repeat('long key', 30), 'sha1')",
    "hmac('data', repeat('long key', 30), 'sha512')",
    "hmac('\\x00'::bytea, '\\xff'::bytea, 'sha256')",
    "length(gen_random_bytes(33))",
    "gen_random_uuid() = gen_random_uuid()",
    "digest(NULL, 'md5')",
    "uuid_nil()",
    "uuid_ns_url()",
    "uuid_generate_v3(uuid_ns_dns(), 'widgets.com')",
    "uuid_generate_v5(uuid_ns_x500(), 'wídgets.com')",
    "substr(uuid_generate_v1()::text, 15, 1)",
    "substr(uuid_generate_v1mc()::text, 15, 1)",
    "substr(uuid_generate_v4()::text, 15, 1)",
]


@pytest.fixture(scope="module")
def connection() -> Iterator[psycopg.Connection[Any]]:
    with throwaway(major=18) as server:
        if "pgcrypto" not in server.stand_ins:
            pytest.skip("this Postgres 18 has the real extensions")
        with server.connect() as connection:
            connection.execute('CREATE EXTENSION pgcrypto; CREATE EXTENSION "uuid-ossp"')
            yield connection


@pytest.fixture(scope="module")
def real() -> Iterator[psycopg.Connection[Any]]:
    programs = "/usr/lib/postgresql/15/bin"
    if not os.path.isdir(programs):
        pytest.skip(f"no Postgres in {programs}")
    with throwaway(pg_bin=programs) as server, server.connect() as connection:
        assert {"pgcrypto", "uuid-ossp"}.isdisjoint(server.stand_ins)
        connection.execute('CREATE EXTENSION pgcrypto; CREATE EXTENSION "uuid-ossp"')
        yield connection


def answer(connection: psycopg.Connection[Any], expression: str) -> Any:
    row = connection.execute(f"SELECT {expression}").fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("expression", EXACT)
def test_stand_in_answers_as_the_real_one(
    connection: psycopg.Connection[Any], real: psycopg.Connection[Any], expression: str
) -> None:
    assert answer(connection, expression) == answer(real, expression)


@pytest.mark.parametrize("length", [0, 1, 54, 55, 56, 63, 64, 65, 119, 120, 1000])
def test_sha1_at_the_edges_of_its_blocks(connection: psycopg.Connection[Any], length: int) -> None:
    data = b"x" * length
    assert answer(connection, f"digest(repeat('x', {length}), 'sha1')") == hashlib.sha1(data).digest()
    assert answer(connection, f"hmac('', repeat('x', {length}), 'sha1')") == hmac.digest(data, b"", "sha1")


def test_time_based_uuids_differ_and_tell_the_time(connection: psycopg.Connection[Any]) -> None:
    rows = connection.execute("SELECT uuid_generate_v1() FROM generate_series(1, 100)").fetchall()
    assert len(set(rows)) == 100
    assert (
        answer(connection, "abs(extract(epoch FROM uuid_extract_timestamp(uuid_generate_v1()) - now())) < 60") is True
    )
    assert isinstance(answer(connection, "uuid_generate_v1mc()"), uuid.UUID)


@pytest.mark.parametrize(
    "call", ["crypt('pw', 'salt')", "gen_salt('bf', 8)", "pgp_sym_encrypt('a', 'b')", "armor('a')", "fips_mode()"]
)
def test_what_needs_a_cipher_names_the_real_extension(connection: psycopg.Connection[Any], call: str) -> None:
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="needs the real pgcrypto") as caught:
        connection.execute(f"SELECT {call}")
    assert "--pg-bin" in str(caught.value.diag.message_hint)


def test_unknown_hash_is_refused_as_the_real_one_does(
    connection: psycopg.Connection[Any], real: psycopg.Connection[Any]
) -> None:
    for server in (connection, real):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match='Cannot use "md99": No such hash algorithm'):
            server.execute("SELECT digest('a', 'md99')")


def test_moving_the_extension_moves_all_of_it(connection: psycopg.Connection[Any]) -> None:
    connection.execute("CREATE SCHEMA extensions; ALTER EXTENSION pgcrypto SET SCHEMA extensions")
    connection.execute('ALTER EXTENSION "uuid-ossp" SET SCHEMA extensions')
    try:
        assert answer(connection, "extensions.hmac('a', 'b', 'sha1')") == hmac.digest(b"b", b"a", "sha1")
        expected = uuid.uuid5(uuid.NAMESPACE_DNS, "a")
        assert answer(connection, "extensions.uuid_generate_v5(extensions.uuid_ns_dns(), 'a')") == expected
    finally:
        connection.execute('ALTER EXTENSION pgcrypto SET SCHEMA public; ALTER EXTENSION "uuid-ossp" SET SCHEMA public')
        connection.execute("DROP SCHEMA extensions")


def test_members_of_an_extension_are_no_part_of_the_schema(connection: psycopg.Connection[Any]) -> None:
    kinds = {kind for kind, _ in snapshot(connection).objects}
    assert "extension" in kinds
    assert "function" not in kinds


def test_without_stand_ins() -> None:
    with throwaway(major=18, extensions=False) as server, server.connect() as connection:
        assert server.stand_ins == ()
        if server.provider.origin == "embedded wheel":
            with pytest.raises(psycopg.errors.FeatureNotSupported, match='extension "pgcrypto" is not available'):
                connection.execute("CREATE EXTENSION pgcrypto")
