"""The worst of expressions and queries: cases of `bench/worst.py`."""

from __future__ import annotations

from bench.worst_cases.case import Case, Input, both, sql


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


CASES = (
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
)
