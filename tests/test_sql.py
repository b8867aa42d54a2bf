"""Bytes to statements: spans, what does not parse, and what merely looks as if it ended a statement."""

from __future__ import annotations

import time

import pytest

from elf_sqlcheck import layouts, registry, sql
from elf_sqlcheck.lint import lint


def texts(data: bytes | str) -> list[str]:
    data = data.encode() if isinstance(data, str) else data
    return [data[s.span.start : s.span.end].decode() for s in sql.parse(data).statements]


def broken(data: bytes | str) -> list[tuple[str, str]]:
    data = data.encode() if isinstance(data, str) else data
    return [
        (piece.kind, data[piece.span.start : piece.span.end].decode("utf-8", "replace"))
        for piece in sql.parse(data).broken
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT ';'",
        "SELECT $$ ; $$",
        "SELECT $tag$ ; $$ ; $tag$",
        "SELECT E'\\';'",
        'CREATE TABLE "a;b" ()',
        "SELECT /* ; /* ; */ ; */ 1",
        "SELECT 1 -- ;\n + 1",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN true THEN 1 ELSE 2 END; END",
        "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2)",
        "DO $do$ BEGIN EXECUTE $x$ SELECT 1; $x$; END $do$",
        "SELECT U&'\\0041;'",
        "SELECT 'größer;', \"übel;\" FROM ü",
        "CREATE SCHEMA s CREATE TABLE t (a int) CREATE VIEW v AS SELECT 1",
    ],
)
def test_a_semicolon_within_a_statement_does_not_end_it(statement: str) -> None:
    expected = ["SELECT 0", statement, "SELECT 3"]
    assert texts(f"SELECT 0;\n{statement};\nSELECT 3") == expected
    found = sql.parse(f"SELEKT;\nSELECT 0;\n{statement};\nSELECT 3".encode())
    assert len(found.statements) == 3, "the same when something before it does not parse"
    assert len(found.broken) == 1


def test_spans_leave_out_comments_and_semicolons_and_count_bytes() -> None:
    data = "-- ä ö ü\nSELECT 'ß' ; /* 日本 */ -- 語\n  DELETE FROM t -- the end\n".encode()
    assert texts(data) == ["SELECT 'ß'", "DELETE FROM t"]


@pytest.mark.parametrize("data", ["", " \n\t", ";", ";;\n;", "-- only a comment", "/* a */", "\ufeff", "\ufeff-- a\n"])
def test_nothing_is_no_statement(data: str) -> None:
    assert sql.parse(data.encode()) == sql.Script(())


def test_a_byte_order_mark_moves_nothing() -> None:
    data = b"\xef\xbb\xbfSELECT 1;\nSELEKT 2;\nSELECT 3;"
    found = sql.parse(data)
    assert [data[s.span.start : s.span.end] for s in found.statements] == [b"SELECT 1", b"SELECT 3"]
    assert [data[b.span.start : b.span.end] for b in found.broken] == [b"SELEKT"]


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (b"SELECT 'a\x00b'; SELECT 2;", 2),
        (b"SELECT 'a\xffb'; SELECT 2;", 2),
        (b"SELECT '\xc3'; SELECT '\xe2\x82';", 2),
        ("SELECT 1;".encode("utf-16"), 0),
        (b"SELECT 1;\r\nSELECT 2;\r", 2),
        (b"\xff\xfe\x00\x01", 0),
    ],
)
def test_bytes_that_are_no_text_are_read_as_far_as_they_can_be(data: bytes, count: int) -> None:
    assert len(sql.parse(data).statements) == count


def test_what_does_not_parse_is_kept_apart() -> None:
    data = "CREATE TABLE a (b int);\nCREAT TABLE b ();\nINSERT INTO a VALUES (1;\nSELECT 2);\nDROP TABLE a;"
    assert texts(data) == ["CREATE TABLE a (b int)", "DROP TABLE a"]
    assert broken(data)[0] == ("syntax", "CREAT")


def test_a_missing_semicolon_loses_neither_statement() -> None:
    data = "CREATE TABLE a (b int)\nDROP TABLE c;\nSELECT 1;"
    assert texts(data) == ["CREATE TABLE a (b int)", "DROP TABLE c", "SELECT 1"]
    assert [kind for kind, _ in broken(data)] == ["syntax"]


@pytest.mark.parametrize("opening", ["'", '"', "$$", "$tag$", "/*"])
def test_what_never_ends_costs_only_what_follows(opening: str) -> None:
    data = f"SELECT 1;\nSELECT {opening}abc;\nSELECT 2;"
    assert texts(data) == ["SELECT 1"]
    assert [kind for kind, _ in broken(data)] == ["unterminated"]
    assert sql.parse(data.encode()).broken[0].span.start == data.index(opening)


def test_commands_of_psql_and_rows_of_a_dump() -> None:
    data = (
        "\\restrict abc\nSET a.b = 1;\n\\connect app\nCOPY t (a, b) FROM stdin;\n1\tit's; \\N\n2\t(\n\\.\n\n"
        "SELECT 1;\n\\unrestrict abc\n"
    )
    assert texts(data) == ["SET a.b = 1", "COPY t (a, b) FROM stdin", "SELECT 1"]
    assert [kind for kind, _ in broken(data)] == ["meta-command"] * 3


def test_depth_is_a_finding_and_no_crash() -> None:
    data = "SELECT 1;\nSELECT " + " || ".join(["'a'"] * 20_000) + ";\nSELECT 2;"
    assert [kind for kind, _ in broken(data)] == ["too-deep"]
    assert texts(data) == ["SELECT 1", "SELECT 2"]


def test_moderate_depth_is_read() -> None:
    script = sql.parse(("SELECT " + " || ".join(["'a'"] * 500)).encode())
    assert script.statements[0].node["targetList"]


@pytest.mark.parametrize("end", ["", "SELEKT;"])
def test_a_seed_of_five_megabytes_is_read_in_seconds(end: str) -> None:
    row = "('0192f0c8-3c5e-7d1a-9d3b-0123456789ab', 'Größe, it''s a name; (really)', 12345.67, NULL)"
    statement = "INSERT INTO t (id, name, n, x) VALUES\n  " + ",\n  ".join([row] * 600) + ";\n"
    data = (statement * (5_000_000 // len(statement.encode()) + 1) + end).encode()
    assert len(data) > 5_000_000
    start = time.monotonic()
    found = sql.parse(data)
    assert len(found.statements) == data.count(b"INSERT INTO")
    assert len(found.broken) == bool(end)
    assert time.monotonic() - start < 30


def test_comments_are_the_scanners() -> None:
    data = "SELECT '-- no' -- yes\n, $$/* no */$$ /* yes */, \"--no\"; -- ä"
    assert [comment.text for comment in sql.comments(data.encode())] == ["-- yes", "/* yes */", "-- ä"]


@pytest.mark.parametrize(
    "expression",
    ["||".join(["a"] * 9000), "f(" * 4000 + "1" + ")" * 4000, "(" * 9000 + "1" + ")" * 9000, "- " * 5000 + "1",
     "case when a then " * 2000 + "1" + " end" * 2000, "(select " * 2000 + "1" + ")" * 2000],
)  # fmt: skip
def test_what_is_around_a_deep_expression_is_judged(expression: str) -> None:
    deep = f"CREATE VIEW v AS SELECT {expression};\nALTER TABLE t ADD CHECK ({expression} > 1);\n"
    text = f"{deep}CREATE TABLE t (a char(3));"
    migration = layouts.read("deep.sql", text.encode())
    found = lint([migration], registry.select(registry.builtin(), select=["char-type"])).findings
    assert [migration.position(finding.span.start)[0] for finding in found if finding.span] == [3]
