"""Files that no one should have written: every one ends in findings, none in a crash, and the rest is still judged."""

from __future__ import annotations

import random
import time

import pytest

from tests.judging import HEAD, PATH, found, judge, whole

TABLE = "CREATE TABLE t (id CHAR(3));"


def rules(content: bytes | str) -> set[str]:
    return {finding.rule for finding in judge({PATH: content})[0]}


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"\xef\xbb\xbf", b"-- nothing\n", b";", b"\r\n\r\n", b"\x00", b"-- elf:"]
)
def test_empty_files(content: bytes) -> None:
    assert {"empty-migration", "header-missing"} <= rules(content)


def test_bytes_that_are_no_utf8_are_placed_and_the_rest_is_judged() -> None:
    data = whole(f"{TABLE}\nSELECT 'a\xe4b';\n{TABLE}").encode("latin-1")
    lines = found(data, "encoding", "char-type")
    assert [line for line, _ in lines] == [6, 7, 8]
    assert "0xE4" in lines[1][1]


def test_a_nul_is_placed_and_the_rest_is_judged() -> None:
    assert [line for line, _ in found(whole(f"{TABLE}\nSELECT 'a\0b';\n{TABLE}"), "encoding", "char-type")] == [6, 7, 8]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_encodings_are_found(encoding: str) -> None:
    assert "encoding" in rules(whole(TABLE).encode(encoding))


@pytest.mark.parametrize("mark", [*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
def test_control_characters_that_hide_sql_are_found(mark: int) -> None:
    findings = found(whole(f"SELECT 1; -- {chr(mark)} ;1 TCELES"), "encoding")
    assert [line for line, _ in findings] == [6]
    assert f"U+{mark:04X}" in findings[0][1]


@pytest.mark.parametrize(
    "text", ["Größe", "עברית", "العربية", "日本語", "🙂👩‍👩‍👧", "a\u00a0b", "\u200e", "e\u0301", "…"]
)
def test_ordinary_text_of_any_language_passes(text: str) -> None:
    assert found(whole(f"COMMENT ON SCHEMA public IS '{text}'; -- {text}"), "encoding") == []


def test_a_byte_order_mark_is_a_note() -> None:
    findings, _ = judge({PATH: "\ufeff" + whole(TABLE)}, "encoding")
    assert [finding.severity.label for finding in findings] == ["note"]


def test_a_broken_header_is_findings() -> None:
    text = whole(TABLE).replace(HEAD, "-- Migration\n-- Version: \ufffd\n-- Dependencies: [\n-- Transaction: perhaps\n")
    assert {"header-missing", "header-mismatch", "char-type"} <= rules(text)


def test_deep_nesting_is_a_finding() -> None:
    lines = found(whole(f"{TABLE}\nSELECT {' || '.join(['1'] * 20_000)};\n{TABLE}"), "portability", "char-type")
    assert [line for line, _ in lines] == [6, 7, 8]


@pytest.mark.parametrize(
    "statement",
    ["SELECT (" * 500, "CREATE TABLE t (" + "(" * 2000, "$" * 1000, "'" * 999, "\\" * 50, "`" * 301, "/*" * 200,
     "BEGIN ATOMIC;" * 100, "SELECT 1 AS " + "a" * 100_000 + " b c", "eyJ" + "a" * 200_000, "://" + "a" * 200_000,
     "-- " + "-----BEGIN " * 5000, "GRANT MAINTAIN, " * 2000],
)  # fmt: skip
def test_nonsense_ends_in_findings_and_soon(statement: str) -> None:
    start = time.monotonic()
    assert rules(whole(f"{TABLE}\n{statement}"))
    assert time.monotonic() - start < 10


def test_random_damage_never_breaks_a_rule() -> None:
    source = whole(
        "CREATE TABLE IF NOT EXISTS a (id UUID DEFAULT gen_random_uuid() PRIMARY KEY, b INT REFERENCES c (d));\n"
        "CREATE INDEX idx_a_b ON a (b);\nDO $$ BEGIN PERFORM 1; END $$;\nALTER TABLE a ADD CONSTRAINT e CHECK (b > 0);",
        "DROP TABLE IF EXISTS a;",
        '-- Dependencies: ["x"]\n',
    ).encode()
    generator = random.Random(7)
    for _ in range(300):
        data = bytearray(source)
        for _ in range(generator.randint(1, 6)):
            place = generator.randrange(len(data))
            data[place : place + generator.randint(0, 12)] = generator.choice(
                [
                    b"",
                    b"'",
                    b'"',
                    b"$$",
                    b"(",
                    b")",
                    b";",
                    b"--",
                    b"/*",
                    b"\xff",
                    b"\0",
                    b"\n",
                    b"`",
                    b"\\",
                    b"DROP",
                    b"=",
                ]
            )
        judge({PATH: bytes(data)})


def test_a_seed_of_five_megabytes_is_judged_in_seconds() -> None:
    row = "('0192f0c8-3c5e-7d1a-9d3b-0123456789ab', 'Größe, it''s a name; (really)', 12345.67, NULL)"
    statement = "INSERT INTO t (id, name, n, x) VALUES\n  " + ",\n  ".join([row] * 600) + ";\n"
    text = whole(TABLE + "\n" + statement * (5_000_000 // len(statement.encode()) + 1))
    start = time.monotonic()
    assert found(text, "char-type", "secrets", "portability", "files", "rollback")[0][0] == 6
    assert time.monotonic() - start < 30
