"""The worst of tables and their parts: cases of `bench/worst.py`."""

from __future__ import annotations

from bench.worst_cases.case import Case, Input, both, dropped, sql, tables


def many_tables(count: int) -> Input:
    return both(tables(count), dropped(count))


def many_tables_undone_elsewhere(count: int) -> Input:
    """Nothing of it is dropped in DOWN."""
    return both(tables(count), ["SELECT 1"])


def dropped_if_exists(count: int) -> Input:
    return both(tables(count), [f"DROP TABLE IF EXISTS t{n} CASCADE" for n in range(count)])


def one_drop(count: int) -> Input:
    return both(tables(count), ["DROP TABLE " + ", ".join(f"t{n}" for n in range(count)) + " CASCADE"])


def wide_table(count: int) -> Input:
    columns = ",\n".join(f"    c{n} integer NOT NULL DEFAULT {n}" for n in range(count))
    return both([f"CREATE TABLE wide (\n{columns}\n)"], ["DROP TABLE wide"])


def wide_constraints(count: int) -> Input:
    columns = ", ".join(f"c{n} integer CHECK (c{n} > 0) UNIQUE REFERENCES other(id)" for n in range(count))
    return both([f"CREATE TABLE wide ({columns})"], ["DROP TABLE wide"])


def added_columns(count: int) -> Input:
    return both(
        [f"ALTER TABLE wide ADD COLUMN c{n} integer" for n in range(count)],
        [f"ALTER TABLE wide DROP COLUMN c{n}" for n in reversed(range(count))],
    )


def added_columns_own(count: int) -> Input:
    """To a table of the same file."""
    return both(
        [
            "CREATE TABLE wide (id bigint PRIMARY KEY)",
            *(f"ALTER TABLE wide ADD COLUMN c{n} integer" for n in range(count)),
        ],
        [f"ALTER TABLE wide DROP COLUMN c{n}" for n in range(count)],
    )


def one_alter(count: int) -> Input:
    return both(
        ["ALTER TABLE wide " + ", ".join(f"ADD COLUMN c{n} integer NOT NULL" for n in range(count))],
        ["ALTER TABLE wide " + ", ".join(f"DROP COLUMN c{n}" for n in range(count))],
    )


def altered_types(count: int) -> Input:
    return both(
        [f"ALTER TABLE t ALTER COLUMN c{n} TYPE bigint" for n in range(count)],
        [f"ALTER TABLE t ALTER COLUMN c{n} TYPE integer" for n in range(count)],
    )


def renamed_tables(count: int) -> Input:
    return both(
        ["CREATE TABLE t0 (id bigint)", *(f"ALTER TABLE t{n} RENAME TO t{n + 1}" for n in range(count))],
        [*(f"ALTER TABLE t{n + 1} RENAME TO t{n}" for n in reversed(range(count))), "DROP TABLE t0"],
    )


def renamed_columns(count: int) -> Input:
    return both(
        [f"ALTER TABLE t RENAME COLUMN c{n} TO c{n + 1}" for n in range(count)],
        [f"ALTER TABLE t RENAME COLUMN c{n + 1} TO c{n}" for n in reversed(range(count))],
    )


def renamed_schemas(count: int) -> Input:
    """A schema of so many tables that gets another name ten times."""
    names = [f"CREATE TABLE s0.t{n} (id bigint)" for n in range(count)]
    return both(
        ["CREATE SCHEMA s0", *names, *(f"ALTER SCHEMA s{n} RENAME TO s{n + 1}" for n in range(10))], ["SELECT 1"]
    )


def clique(count: int) -> Input:
    """Every table refers to every other one."""
    keys = [
        f"ALTER TABLE t{a} ADD CONSTRAINT f{a}_{b} FOREIGN KEY (id) REFERENCES t{b} (id)"
        for a in range(count)
        for b in range(count)
        if a != b
    ]
    return both([*tables(count), *keys], ["DROP TABLE " + ", ".join(f"t{n}" for n in range(count)) + " CASCADE"])


def foreign_keys(count: int) -> Input:
    """All to one table, in a chain of drops."""
    return both(
        [
            "CREATE TABLE base (id bigint PRIMARY KEY)",
            *(f"CREATE TABLE t{n} (id bigint PRIMARY KEY, b bigint REFERENCES base (id))" for n in range(count)),
        ],
        [*dropped(count), "DROP TABLE base"],
    )


def key_chain(count: int) -> Input:
    return both(
        [
            "CREATE TABLE t0 (id bigint PRIMARY KEY)",
            *(f"CREATE TABLE t{n} (id bigint PRIMARY KEY REFERENCES t{n - 1} (id))" for n in range(1, count)),
        ],
        [f"DROP TABLE t{n} CASCADE" for n in range(count)],
    )


def indexes(count: int) -> Input:
    """On one table, which the file does not make."""
    return both([f"CREATE INDEX i{n} ON t (c{n})" for n in range(count)], [f"DROP INDEX i{n}" for n in range(count)])


def indexes_where(count: int) -> Input:
    """On the same column, each of other rows."""
    return both(
        [f"CREATE INDEX i{n} ON t (a) WHERE b = {n}" for n in range(count)],
        [f"DROP INDEX i{n}" for n in range(count)],
    )


def failing_late(count: int) -> Input:
    """Half of the statements fail, but the first of these comes late."""
    return both([*tables(count), *tables(count)], dropped(count))


def default_functions(count: int) -> Input:
    """Columns of many tables, each with a default that a function of the file makes."""
    return both(
        [
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            *(f"ALTER TABLE t{n} ADD COLUMN c int DEFAULT f()" for n in range(count)),
        ],
        [f"ALTER TABLE t{n} DROP COLUMN c" for n in range(count)],
    )


def cascaded_columns(count: int) -> Input:
    """A view on each column of a table, which all go with their columns."""
    columns = ", ".join(f"c{n} int" for n in range(count))
    return both(
        [f"CREATE TABLE t ({columns})", *(f"CREATE VIEW v{n} AS SELECT c{n} FROM t" for n in range(count))],
        [f"ALTER TABLE t DROP COLUMN c{n} CASCADE" for n in range(count)],
    )


def indexes_own(count: int) -> Input:
    return both(
        ["CREATE TABLE t (c integer)", *(f"CREATE INDEX i{n} ON t (c)" for n in range(count))],
        [*(f"DROP INDEX i{n}" for n in range(count)), "DROP TABLE t"],
    )


def constraints(count: int) -> Input:
    return both(
        [f"ALTER TABLE t ADD CONSTRAINT c{n} CHECK (a > {n})" for n in range(count)],
        [f"ALTER TABLE t DROP CONSTRAINT c{n}" for n in range(count)],
    )


def unnamed_constraints(count: int) -> Input:
    """Postgres numbers their names, one after the other."""
    return both(
        ["CREATE TABLE t (a integer)", *(f"ALTER TABLE t ADD CHECK (a > {n})" for n in range(count))], ["DROP TABLE t"]
    )


def unnamed_indexes(count: int) -> Input:
    return both(["CREATE TABLE t (a integer)", *("CREATE INDEX ON t (a)" for _ in range(count))], ["DROP TABLE t"])


def partitions(count: int) -> Input:
    return both(
        [
            "CREATE TABLE p (id bigint, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (id)",
            "CREATE INDEX i ON p (at)",
            *(f"CREATE TABLE p{n} PARTITION OF p FOR VALUES FROM ({n}) TO ({n + 1})" for n in range(count)),
        ],
        ["DROP TABLE p"],
    )


def partitions_changed(count: int) -> Input:
    """The parent's columns change with all of its partitions there."""
    return both(
        [
            "CREATE TABLE p (id bigint, at date) PARTITION BY RANGE (id)",
            *(f"CREATE TABLE p{n} PARTITION OF p FOR VALUES FROM ({n}) TO ({n + 1})" for n in range(count)),
            *(f"ALTER TABLE p ADD COLUMN c{n} integer" for n in range(10)),
            *(f"CREATE INDEX i{n} ON p (c{n})" for n in range(10)),
            *(f"ALTER TABLE p ADD CONSTRAINT k{n} CHECK (c{n} > 0)" for n in range(10)),
        ],
        [*(f"ALTER TABLE p DROP COLUMN c{n}" for n in range(10)), "DROP TABLE p"],
    )


def attached(count: int) -> Input:
    return both(
        [
            "CREATE TABLE p (id bigint, at date) PARTITION BY RANGE (id)",
            "CREATE INDEX i ON p (at)",
            *(f"CREATE TABLE p{n} (id bigint, at date)" for n in range(count)),
            *(f"ALTER TABLE p ATTACH PARTITION p{n} FOR VALUES FROM ({n}) TO ({n + 1})" for n in range(count)),
        ],
        [
            *(f"ALTER TABLE p DETACH PARTITION p{n}" for n in range(count)),
            *(f"DROP TABLE p{n}" for n in range(count)),
            "DROP TABLE p",
        ],
    )


def partition_tree(count: int) -> Input:
    """Each partition has partitions itself: a tree of two branches each."""
    made = [
        f"CREATE TABLE p{n} PARTITION OF p{(n - 1) // 2} FOR VALUES FROM ({n}) TO ({n + 1}) PARTITION BY RANGE (id)"
        for n in range(1, count)
    ]
    return both(
        ["CREATE TABLE p0 (id bigint, at date) PARTITION BY RANGE (id)", *made, "CREATE INDEX i ON p0 (at)"],
        ["DROP TABLE p0"],
    )


def inheritance_chain(count: int) -> Input:
    return both(
        [
            "CREATE TABLE t0 (c0 integer)",
            *(f"CREATE TABLE t{n} (c{n} integer) INHERITS (t{n - 1})" for n in range(1, count)),
        ],
        ["DROP TABLE t0 CASCADE"],
    )


def sequences(count: int) -> Input:
    return both(
        [
            *tables(count, "id serial PRIMARY KEY"),
            *(f"ALTER SEQUENCE t{n}_id_seq OWNED BY t{n}.id" for n in range(count)),
        ],
        dropped(count),
    )


def made_and_dropped(count: int) -> Input:
    """The same table, again and again."""
    return both(["CREATE TABLE t (id bigint); DROP TABLE t"] * count, ["SELECT 1"])


def rebuilt(count: int) -> Input:
    """Many tables, of which each is altered, filled and read in the same file."""
    made = [
        f"CREATE TABLE t{n} (id bigint); ALTER TABLE t{n} ADD COLUMN c integer; UPDATE t{n} SET c = 1; "
        f"ALTER TABLE t{n} ALTER COLUMN c SET NOT NULL; CREATE INDEX ON t{n} (c)"
        for n in range(count)
    ]
    return both(made, dropped(count))


def locked_tables(count: int) -> Input:
    """Locks on many older tables in one transaction."""
    return sql(f"ALTER TABLE t{n} ADD COLUMN c integer; UPDATE t{n} SET c = 1" for n in range(count))


CASES = (
    Case("many tables", many_tables, 20_000),
    Case("many tables undone elsewhere", many_tables_undone_elsewhere, 10_000),
    Case("dropped if exists", dropped_if_exists, 10_000),
    Case("one drop", one_drop, 10_000),
    Case("wide table", wide_table, 1_600),
    Case("wide constraints", wide_constraints, 1_600),
    Case("added columns", added_columns, 10_000),
    Case("added columns own", added_columns_own, 10_000),
    Case("one alter", one_alter, 1_600),
    Case("altered types", altered_types, 5_000),
    Case("renamed tables", renamed_tables, 5_000),
    Case("renamed columns", renamed_columns, 5_000),
    Case("renamed schemas", renamed_schemas, 2_000),
    Case("clique", clique, 60),
    Case("foreign keys", foreign_keys, 5_000),
    Case("key chain", key_chain, 5_000),
    Case("indexes", indexes, 10_000),
    Case("indexes where", indexes_where, 5_000),
    Case("failing late", failing_late, 5_000),
    Case("default functions", default_functions, 5_000),
    Case("cascaded columns", cascaded_columns, 500),
    Case("indexes own", indexes_own, 5_000),
    Case("constraints", constraints, 5_000),
    Case("unnamed constraints", unnamed_constraints, 3_000),
    Case("unnamed indexes", unnamed_indexes, 3_000),
    Case("partitions", partitions, 5_000),
    Case("partitions changed", partitions_changed, 2_000),
    Case("attached", attached, 4_000),
    Case("partition tree", partition_tree, 2_000),
    Case("inheritance chain", inheritance_chain, 200),
    Case("sequences", sequences, 5_000),
    Case("made and dropped", made_and_dropped, 10_000),
    Case("rebuilt", rebuilt, 2_000),
    Case("locked tables", locked_tables, 5_000),
)
