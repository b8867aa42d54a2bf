"""The worst of rows: seeds, COPY, texts in foreign scripts: cases of `bench/worst.py`."""

from __future__ import annotations

import random

from bench.worst_cases.case import WORDS, Case, Input, both, sql


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
)
