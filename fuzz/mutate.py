"""What is done to a seed: to its bytes, its SQL tokens, its statements, or to two of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

#: Longer inputs show nothing that short ones do not, and cost their time.
LARGEST = 6000
_TOKEN = re.compile(rb"\w+|\s+|\W")
_WORDS = (
    b"CREATE TABLE ALTER DROP RENAME TO ADD COLUMN SET SCHEMA INHERITS PARTITION OF LIKE PRIMARY KEY UNIQUE CHECK "
    b"REFERENCES INDEX CONCURRENTLY VIEW FUNCTION TRIGGER POLICY TYPE AS ENUM DOMAIN SEQUENCE COMMENT ON IS NULL NOT "
    b"DEFAULT CASCADE IF EXISTS BEGIN COMMIT DO EXECUTE GRANT REVOKE public t u a b id int text"
).split()
_PIECES = (
    b"'", b'"', b"$$", b"$a$", b"--", b"/*", b"*/", b";", b"(", b")", b"\\", b"\0", b"\xff", b"\r\n", b"\x1b[31m",
    b"-- ===== DOWN MIGRATION =====\n", b"-- elf: allow char-type -- x\n", b"-- Dependencies: [\n", b"\xe2\x80\xae",
    b"U&'", b"[", b"]", b"{", b"}", b"=", b"null", b"-1", b"9" * 30, b"1e999", b"\xed\xa0\x80", b"\\ud800", b"\xc2\x9b",
)  # fmt: skip


def mutated(data: bytes, seeds: Sequence[bytes], random: random.Random) -> bytes:
    """The data after one to five changes."""
    for _ in range(random.randint(1, 5)):
        data = random.choice(_WAYS)(data, seeds, random)[:LARGEST]
    return data


def _byte(data: bytes, _seeds: Sequence[bytes], random: random.Random) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] + random.randbytes(random.randint(0, 2)) + data[at + random.randint(0, 8) :]


def _piece(data: bytes, _seeds: Sequence[bytes], random: random.Random) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] + random.choice(_PIECES) + data[at + random.choice((0, 0, 1, 5)) :]


def _token(data: bytes, _seeds: Sequence[bytes], random: random.Random) -> bytes:
    tokens = _TOKEN.findall(data) or [b" "]
    one, other = random.randrange(len(tokens)), random.randrange(len(tokens))
    if random.random() < 0.5:
        tokens[one], tokens[other] = tokens[other], tokens[one]
    else:
        tokens[one] = random.choice((*_WORDS, tokens[other], b" " + random.choice(_WORDS) + b" "))
    return b"".join(tokens)


def _statements(data: bytes, seeds: Sequence[bytes], random: random.Random) -> bytes:
    parts = data.split(b";") + random.choice(seeds).split(b";")[: random.randint(0, 2)]
    random.shuffle(parts)
    return b";".join(parts)


def _splice(data: bytes, seeds: Sequence[bytes], random: random.Random) -> bytes:
    other = random.choice(seeds)
    return data[: random.randint(0, len(data))] + other[random.randint(0, len(other)) :]


def _prefix(data: bytes, _seeds: Sequence[bytes], random: random.Random) -> bytes:
    return data[: random.randint(0, len(data))]


_WAYS = (_byte, _piece, _token, _token, _statements, _splice, _prefix)
