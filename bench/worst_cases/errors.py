"""The worst of what does not parse: cases of `bench/worst.py`."""

from __future__ import annotations

import random

from bench.worst_cases.case import Case, Input


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
