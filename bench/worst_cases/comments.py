"""The worst of comments and suppressions: cases of `bench/worst.py`."""

from __future__ import annotations

from bench.worst_cases.case import UP, Case, Input, sql


def long_comments(count: int) -> Input:
    return Input("-- " + "word " * 40 + "\n" + ("-- " + "word " * 40 + "\n") * count + "SELECT 1;\n")


def one_comment(count: int) -> Input:
    return Input("/* " + "word " * count + "*/ SELECT 1;\n")


def nested_comments(count: int) -> Input:
    return Input("/* " * count + "*/ " * count + "SELECT 1;\n")


def comment_unions(count: int) -> Input:
    """A union of so many columns, with a comment at each."""
    columns = "".join(f"    c{n}, -- column {n}: elf: no suppression\n" for n in range(count))
    return sql([f"CREATE VIEW v AS SELECT\n{columns}    1 AS last FROM a UNION ALL SELECT\n{columns}    1 FROM b"])


def blank_comment(count: int) -> Input:
    """Blanks where a marker or a header might have some."""
    blanks = " " * count
    return Input(f"-- Migration: {blanks}x\n--{blanks}x\n{blanks}-- ={blanks}x\n{UP}SELECT 1;\n")


def blank_lines(count: int) -> Input:
    return Input("\n" * count + "SELECT 1;" + "\n" * count + "SELECT 2;\n")


def comment_after_last(count: int) -> Input:
    return Input("SELECT 1\n" + "-- elf: said after the last\n" * count)


def suppressions_used(count: int) -> Input:
    return sql(
        f"-- elf: allow adding-required-column, timeouts -- agreed\nALTER TABLE orders ADD COLUMN c{n} integer NOT NULL"
        for n in range(count)
    )


def suppressions_unused(count: int) -> Input:
    return sql(f"-- elf: allow unindexed-foreign-key -- agreed\nSELECT {n}" for n in range(count))


def suppressions_unknown(count: int) -> Input:
    return sql(f"-- elf: allow unindexed-foreign-kay{n} -- agreed\nSELECT {n}" for n in range(count))


def suppressions_of_file(count: int) -> Input:
    return Input("-- elf: allow-file unindexed-foreign-key -- agreed\n" * count + "SELECT 1;\n")


def suppression_of_many(count: int) -> Input:
    names = ", ".join(f"made-up-{n}" for n in range(count))
    return Input(f"-- elf: allow {names} -- agreed\nSELECT 1;\n")


def suppressions_inside(count: int) -> Input:
    lines = "".join(f"    c{n} integer, -- elf: allow made-up -- agreed\n" for n in range(count))
    return sql([f"CREATE TABLE t (\n{lines}    id bigint PRIMARY KEY)"])


def suppressions_above_comments(count: int) -> Input:
    """Within one statement, each on a line of its own: what it covers is the next line that is no comment."""
    return Input(
        "CREATE TABLE t (\n" + "    -- elf: allow made-up -- agreed\n" * count + "    id bigint PRIMARY KEY);\n"
    )


CASES = (
    Case("long comments", long_comments, 40_000),
    Case("one comment", one_comment, 1_000_000),
    Case("nested comments", nested_comments, 200_000),
    Case("comment unions", comment_unions, 50_000),
    Case("blank comment", blank_comment, 200_000),
    Case("blank lines", blank_lines, 2_000_000),
    Case("comment after last", comment_after_last, 50_000),
    Case("suppressions used", suppressions_used, 5_000),
    Case("suppressions unused", suppressions_unused, 10_000),
    Case("suppressions unknown", suppressions_unknown, 5_000),
    Case("suppressions of file", suppressions_of_file, 10_000),
    Case("suppression of many", suppression_of_many, 10_000),
    Case("suppressions inside", suppressions_inside, 10_000),
    Case("suppressions above comments", suppressions_above_comments, 10_000),
)
