"""The worst that a file can be: what `bench/worst.py` lints. Each function makes one case of a given size.

The texts are the same ones for every run. Where a text does not parse, `Input.sound` is one of the same size and shape
that does: what parsing costs is measured with it.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

UP = "-- ============= UP MIGRATION =============\n\n"
DOWN = "\n-- ============= DOWN MIGRATION ============\n\n"
WORDS = ("заказ", "счёт", "naïve", "café", "数据库", "🐘🎉", "e\u0301tat", "plain", "words", "here")


class Input(NamedTuple):
    """What is linted: `text` as one file. `options` go to the command, `files` are further ones beside it.

    `paths` are what the command is given instead of that one file.
    """

    text: str | bytes
    sound: str | bytes = ""
    options: tuple[str, ...] = ()
    files: dict[str, str] = {}  # noqa: RUF012 - nobody changes it
    paths: tuple[str, ...] = ()


class Case(NamedTuple):
    """A case: `make` takes a size, `size` is the largest that is measured, of whatever the name counts."""

    name: str
    make: Callable[[int], Input]
    size: int


def both(up: Iterable[str], down: Iterable[str] = ()) -> Input:
    """A file with both sections."""
    return Input(UP + ";\n".join(up) + ";\n" + DOWN + ";\n".join(down) + ";\n")


def sql(statements: Iterable[str], *options: str) -> Input:
    """A file of nothing but statements."""
    return Input(";\n".join(statements) + ";\n", options=options)


def tables(count: int, columns: str = "id bigint PRIMARY KEY, name text NOT NULL") -> list[str]:
    return [f"CREATE TABLE t{number} ({columns})" for number in range(count)]


def dropped(count: int) -> list[str]:
    return [f"DROP TABLE t{number}" for number in reversed(range(count))]


def plpgsql(body: str, head: str = "DO") -> str:
    return f"{head} $body$\n{body}\n$body$"


# ---------------------------------------------------------------------------------------------------- rows


def seed(size: int) -> Input:
    """A seed file of about that many bytes, an INSERT of ten rows each."""
    dice = random.Random(1)
    made: list[str] = ["CREATE TABLE people (id bigint PRIMARY KEY, name text NOT NULL, note text, at timestamptz)"]
    length = number = 0
    while length < size:
        rows = []
        for _ in range(10):
            number += 1
            note = " ".join(dice.choices(WORDS[-3:], k=dice.randint(2, 12)))
            rows.append(f"    ({number}, 'Person {number}', '{note}', '2025-01-{dice.randint(1, 28):02} 12:00:00+00')")
        made.append("INSERT INTO people (id, name, note, at) VALUES\n" + ",\n".join(rows))
        length += len(made[-1])
    return sql(made)


def inserts(count: int) -> Input:
    return sql(f"INSERT INTO orders (id, name) VALUES ({n}, 'order {n}')" for n in range(count))


def inserts_undone(count: int) -> Input:
    return both(
        [f"INSERT INTO orders (id, name) VALUES ({n}, 'order {n}')" for n in range(count)],
        [f"DELETE FROM orders WHERE id = {n}" for n in range(count)],
    )


def one_insert(count: int) -> Input:
    return sql(["INSERT INTO orders (id, name) VALUES\n" + ",\n".join(f"({n}, 'order {n}')" for n in range(count))])


def one_line(count: int) -> Input:
    return Input("; ".join(f"INSERT INTO orders (id, name) VALUES ({n}, 'order {n}')" for n in range(count)))


def one_line_findings(count: int) -> Input:
    return Input("; ".join(f"ALTER TABLE orders ADD COLUMN c{n} integer NOT NULL" for n in range(count)))


def foreign_text(count: int) -> Input:
    dice = random.Random(2)
    made = []
    for number in range(count):
        words = " ".join(dice.choices(WORDS[:7], k=12))
        made.append(f"-- {words}\nINSERT INTO заказы (id, имя) VALUES ({number}, '{words}')")
    return sql(made)


def foreign_findings(count: int) -> Input:
    """Non-ASCII names and comments around what is found, with suppressions, so that the scanner is needed."""
    dice = random.Random(3)
    return sql(
        f'/* {" ".join(dice.choices(WORDS[:7], k=8))} */ ALTER TABLE "таблица {n}" -- elf: allow made-up -- потому\n'
        f'  ADD COLUMN "ось" integer NOT NULL'
        for n in range(count)
    )


def copy_rows(count: int) -> Input:
    rows = "".join(f"{n}\tname {n}\t\\N\n" for n in range(count))
    sound = "INSERT INTO people VALUES " + ", ".join(f"({n}, 'name {n}', NULL)" for n in range(count))
    return Input(f"COPY people (id, name, note) FROM stdin;\n{rows}\\.\n\nSELECT 1;\n", sound)


def copy_blocks(count: int) -> Input:
    return Input(
        "".join(f"COPY t{n} (id, name) FROM stdin;\n{n}\tname\n{n}\tit's; a\n\\.\n\n" for n in range(count)),
        "".join(f"INSERT INTO t{n} (id, name) VALUES ({n}, 'name'), ({n}, 'it''s; a');" for n in range(count)),
    )


def semicolons(count: int) -> Input:
    return Input("SELECT 1" + ";" * count)


def updates(count: int) -> Input:
    return sql(f"UPDATE orders SET name = 'x{n}' WHERE id = {n}" for n in range(count))


# ---------------------------------------------------------------------------------------------------- expressions


def additions(count: int) -> Input:
    return sql(["SELECT " + " + ".join(["1"] * count)])


def concatenations(count: int) -> Input:
    return sql(["UPDATE t SET note = " + " || ".join(f"'part {n}'" for n in range(count))])


def chains(count: int) -> Input:
    """Many expressions of 300 terms."""
    return sql(f"UPDATE t SET note = {' || '.join(['name'] * 300)} WHERE id = {n}" for n in range(count))


def disjunctions(count: int) -> Input:
    terms = " OR ".join(f"a = {n}" for n in range(count))
    return both([f"ALTER TABLE t ADD CONSTRAINT c CHECK ({terms})"], ["ALTER TABLE t DROP CONSTRAINT c"])


def in_list(count: int) -> Input:
    terms = ", ".join(f"'{n}'" for n in range(count))
    return both([f"ALTER TABLE t ADD CONSTRAINT c CHECK (a IN ({terms}))"], ["ALTER TABLE t DROP CONSTRAINT c"])


def brackets(count: int) -> Input:
    return sql(["SELECT " + "(" * count + "1" + ")" * count])


def subqueries(count: int) -> Input:
    return sql(["SELECT * FROM " + "(SELECT * FROM " * count + "t" + ") AS s" * count])


def joins(count: int) -> Input:
    many = " ".join(f"JOIN t{n} ON t{n}.id = t0.t{n}_id" for n in range(1, count))
    return both([f"CREATE VIEW v AS SELECT t0.* FROM t0 {many}"], ["DROP VIEW v"])


def unions(count: int) -> Input:
    return both(["CREATE VIEW v AS " + " UNION ALL ".join(f"SELECT {n} AS c" for n in range(count))], ["DROP VIEW v"])


def with_queries(count: int) -> Input:
    parts = ", ".join(f"w{n} AS (SELECT * FROM w{n - 1})" for n in range(1, count))
    return sql([f"WITH w0 AS (SELECT 1 AS c), {parts} SELECT * FROM w{count - 1}"])


def nested_with_queries(count: int) -> Input:
    text = "SELECT 1 AS c"
    for n in range(count):
        text = f"WITH w{n} AS ({text}) SELECT * FROM w{n}"
    return sql([text])


def select_columns(count: int) -> Input:
    return both(["CREATE VIEW v AS SELECT " + ", ".join(f"c{n}" for n in range(count)) + " FROM t"], ["DROP VIEW v"])


def cases_of_case(count: int) -> Input:
    text = "0"
    for n in range(count):
        text = f"CASE WHEN a = {n} THEN 1 ELSE {text} END"
    return sql([f"SELECT {text} FROM t"])


# ---------------------------------------------------------------------------------------------------- comments


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


# ---------------------------------------------------------------------------------------------------- errors


def syntax_errors(count: int) -> Input:
    return Input(
        "".join(f"SELECT {n} FROM WHERE x;\n" for n in range(count)),
        "".join(f"SELECT {n} FROM t WHERE x;\n" for n in range(count)),
    )


def syntax_errors_between(count: int) -> Input:
    """Every tenth statement does not parse."""
    return Input(
        "".join(f"SELECT {n} FROM {'t' if n % 10 else ''} WHERE x;\n" for n in range(count)),
        "".join(f"SELECT {n} FROM t WHERE x;\n" for n in range(count)),
    )


def missing_semicolons(count: int) -> Input:
    lines = [f"CREATE TABLE t{n} (id bigint)" for n in range(count)]
    return Input("\n".join(lines) + ";\n", ";\n".join(lines) + ";\n")


def missing_body_ends(count: int) -> Input:
    """Pieces that speak of ATOMIC and never come to an end."""
    lines = [f"CREATE FUNCTION f{n}() RETURNS int BEGIN ATOMIC SELECT {n}" for n in range(count)]
    return Input(";\n".join(lines) + ";\n", ";\n".join(f"{line}; END" for line in lines) + ";\n")


def atomic_bodies(count: int) -> Input:
    """SQL-standard bodies around a file that does not parse as a whole."""
    lines = [f"CREATE FUNCTION f{n}() RETURNS int BEGIN ATOMIC SELECT 1; SELECT {n}; END" for n in range(count)]
    return Input(";\n".join(["SELECT FROM WHERE", *lines]) + ";\n", ";\n".join(lines) + ";\n")


def long_atomic_body(count: int) -> Input:
    body = "".join(f"  SELECT {n};\n" for n in range(count))
    text = f"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC\n{body}END;\n"
    return Input("SELECT FROM WHERE;\n" + text, text)


def meta_commands(count: int) -> Input:
    return Input(
        "".join(f"\\set name{n} it\nSELECT {n};\n" for n in range(count)),
        "".join(f"SELECT {n};\n" for n in range(count)),
    )


def meta_commands_only(count: int) -> Input:
    return Input("\\echo one of them; and two\n" * count, "SELECT 1;\nSELECT 2;\n" * count)


def unterminated(count: int) -> Input:
    good = "".join(f"SELECT 'it is {n}';\n" for n in range(count))
    return Input(good + "SELECT 'never ends;\n" + good.replace("'", '"'), good * 2)


def unterminated_comments(count: int) -> Input:
    """An opening that is never closed, many times over."""
    return Input("SELECT 1;\n" + "/* " * count, "SELECT 1;\n" + "/* " * count + "*/ " * count)


def unterminated_dollars(count: int) -> Input:
    return Input(
        "".join(f"SELECT $tag{n}$ it;\n" for n in range(count)),
        "".join(f"SELECT $tag{n}$ it $tag{n}$;\n" for n in range(count)),
    )


def nul_bytes(count: int) -> Input:
    return Input(
        b"".join(b"SELECT %d\0;\n" % n for n in range(count)), b"".join(b"SELECT %d;\n" % n for n in range(count))
    )


def no_utf8(count: int) -> Input:
    return Input(
        b"".join(b"INSERT INTO t VALUES (%d, '\xe9\xff');\n" % n for n in range(count)),
        b"".join(b"INSERT INTO t VALUES (%d, 'ee');\n" % n for n in range(count)),
    )


def line_ends(count: int) -> Input:
    """CRLF and a byte order mark, with something to find on each line."""
    text = "".join(f"ALTER TABLE orders ADD COLUMN c{n} integer NOT NULL;\r\n" for n in range(count))
    return Input(b"\xef\xbb\xbf" + text.encode(), text)


def mysql(count: int) -> Input:
    """Another database's SQL, with its counterparts."""
    lines = [f"CREATE TABLE `t{n}` (`id` INT AUTO_INCREMENT, `d` DATETIME) ENGINE=InnoDB" for n in range(count)]
    sound = [f'CREATE TABLE "t{n}" ("id" serial, "d" timestamptz)' for n in range(count)]
    return Input(";\n".join(lines) + ";\n", ";\n".join(sound) + ";\n")


def garbage(count: int) -> Input:
    dice = random.Random(4)
    text = "".join(dice.choices("abc ();'\"$/*-\\\n", k=count))
    return Input(text, "SELECT 'a';\n" * (count // 12))


CASES = (
    Case("seed", seed, 10_000_000),
    Case("inserts", inserts, 50_000),
    Case("inserts undone", inserts_undone, 20_000),
    Case("one insert", one_insert, 100_000),
    Case("one line", one_line, 50_000),
    Case("one line findings", one_line_findings, 5_000),
    Case("foreign text", foreign_text, 10_000),
    Case("foreign findings", foreign_findings, 5_000),
    Case("copy rows", copy_rows, 100_000),
    Case("copy blocks", copy_blocks, 5_000),
    Case("semicolons", semicolons, 1_000_000),
    Case("updates", updates, 20_000),
    Case("additions", additions, 1_000),
    Case("concatenations", concatenations, 1_000),
    Case("chains", chains, 400),
    Case("disjunctions", disjunctions, 20_000),
    Case("in list", in_list, 50_000),
    Case("brackets", brackets, 5_000),
    Case("subqueries", subqueries, 400),
    Case("joins", joins, 500),
    Case("unions", unions, 1_000),
    Case("with queries", with_queries, 2_000),
    Case("nested with queries", nested_with_queries, 300),
    Case("select columns", select_columns, 1_600),
    Case("cases of case", cases_of_case, 500),
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
    Case("syntax errors", syntax_errors, 10_000),
    Case("syntax errors between", syntax_errors_between, 20_000),
    Case("missing semicolons", missing_semicolons, 5_000),
    Case("missing body ends", missing_body_ends, 2_000),
    Case("atomic bodies", atomic_bodies, 5_000),
    Case("long atomic body", long_atomic_body, 5_000),
    Case("meta commands", meta_commands, 10_000),
    Case("meta commands only", meta_commands_only, 10_000),
    Case("unterminated", unterminated, 20_000),
    Case("unterminated comments", unterminated_comments, 100_000),
    Case("unterminated dollars", unterminated_dollars, 5_000),
    Case("nul bytes", nul_bytes, 20_000),
    Case("no utf8", no_utf8, 20_000),
    Case("line ends", line_ends, 5_000),
    Case("mysql", mysql, 3_000),
    Case("garbage", garbage, 500_000),
)
