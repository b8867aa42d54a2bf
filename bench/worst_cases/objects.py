"""The worst of views, functions, privileges, transactions and the like: cases of `bench/worst.py`."""

from __future__ import annotations

from bench.worst_cases.case import Case, Input, both, plpgsql, sql, tables


def view_chain(count: int) -> Input:
    return both(
        ["CREATE VIEW v0 AS SELECT 1 AS c", *(f"CREATE VIEW v{n} AS SELECT c FROM v{n - 1}" for n in range(1, count))],
        [f"DROP VIEW v{n}" for n in reversed(range(count))],
    )


def view_chain_dropped(count: int) -> Input:
    """All of a chain by the CASCADE of its first."""
    return both(
        ["CREATE VIEW v0 AS SELECT 1 AS c", *(f"CREATE VIEW v{n} AS SELECT c FROM v{n - 1}" for n in range(1, count))],
        ["DROP VIEW v0 CASCADE"],
    )


def views_on_one(count: int) -> Input:
    """Many views on one table, which changes as often."""
    return both(
        [
            "CREATE TABLE t (c0 integer)",
            *(f"CREATE VIEW v{n} AS SELECT c0 FROM t" for n in range(count)),
            *(f"ALTER TABLE t ADD COLUMN c{n} integer" for n in range(1, count)),
            *(f"ALTER TABLE t DROP COLUMN c{n}" for n in range(1, count)),
            *(f"ALTER TABLE t ALTER COLUMN c{n} TYPE bigint" for n in range(1, count)),
        ],
        ["DROP TABLE t CASCADE"],
    )


def replaced_views(count: int) -> Input:
    return both([f"CREATE OR REPLACE VIEW v AS SELECT {n} AS c" for n in range(count)], ["DROP VIEW v"])


def replaced_functions(count: int) -> Input:
    return both(
        [f"CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT {n}'" for n in range(count)],
        ["DROP FUNCTION f()"],
    )


def functions(count: int) -> Input:
    return both(
        [
            f"CREATE FUNCTION f{n}(a int, b text) RETURNS int LANGUAGE plpgsql AS "
            f"$$ BEGIN UPDATE t SET c = a; RETURN {n}; END $$"
            for n in range(count)
        ],
        [f"DROP FUNCTION f{n}(int, text)" for n in range(count)],
    )


def overloads(count: int) -> Input:
    return both(
        [f"CREATE FUNCTION f(a t{n}) RETURNS int LANGUAGE sql AS 'SELECT 1'" for n in range(count)],
        [f"DROP FUNCTION f(t{n})" for n in range(count)],
    )


def calls(count: int) -> Input:
    """Functions that call the one before them, and a call of the last."""
    body = "$$ BEGIN PERFORM f{0}(); UPDATE t SET c = 1; END $$"
    made = [f"CREATE FUNCTION f{n}() RETURNS void LANGUAGE plpgsql AS {body.format(n - 1)}" for n in range(1, count)]
    return sql([*made, f"SELECT f{count - 1}()"])


def calls_twice(count: int) -> Input:
    """Each calls the one before it twice: what runs is 2 to the power of the size."""
    made = [
        f"CREATE FUNCTION f{n}() RETURNS void LANGUAGE plpgsql AS "
        f"$$ BEGIN PERFORM f{n - 1}(); PERFORM f{n - 1}(); END $$"
        for n in range(1, count)
    ]
    base = "CREATE FUNCTION f0() RETURNS void LANGUAGE plpgsql AS $$ BEGIN UPDATE t SET c = 1; END $$"
    return sql([base, *made, f"SELECT f{count - 1}()"])


def called_often(count: int) -> Input:
    body = "".join(f"  UPDATE t SET c = {n};\n" for n in range(100))
    return sql(
        [plpgsql(f"BEGIN\n{body}END", "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS")] + ["SELECT f()"] * count
    )


def triggers(count: int) -> Input:
    return both(
        [f"CREATE TRIGGER g{n} BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()" for n in range(count)],
        [f"DROP TRIGGER g{n} ON t" for n in range(count)],
    )


def policies(count: int) -> Input:
    return both(
        [
            "CREATE TABLE t (id bigint PRIMARY KEY, owner uuid)",
            "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
            *(
                f"CREATE POLICY p{n} ON t FOR SELECT USING (owner = current_setting('app.u')::uuid)"
                for n in range(count)
            ),
        ],
        [*(f"DROP POLICY p{n} ON t" for n in range(count)), "DROP TABLE t"],
    )


def grants(count: int) -> Input:
    return both(
        [f"GRANT SELECT ON t TO r{n}" for n in range(count)], [f"REVOKE SELECT ON t FROM r{n}" for n in range(count)]
    )


def grants_own(count: int) -> Input:
    return both(
        ["CREATE TABLE t (id bigint PRIMARY KEY)", *(f"GRANT SELECT ON t TO r{n}" for n in range(count))],
        [*(f"REVOKE SELECT ON t FROM r{n}" for n in range(count)), "DROP TABLE t"],
    )


def one_grant(count: int) -> Input:
    """As many tables to as many roles."""
    number = max(2, int(count**0.5))
    names = ", ".join(f"t{n}" for n in range(number))
    roles = ", ".join(f"r{n}" for n in range(number))
    return both([f"GRANT SELECT ON {names} TO {roles}"], [f"REVOKE SELECT ON {names} FROM {roles}"])


def grants_all(count: int) -> Input:
    made = [f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO r{n}" for n in range(20)]
    return both([*tables(count), *made], ["SELECT 1"])


def roles(count: int) -> Input:
    return both([f"CREATE ROLE r{n}" for n in range(count)], [f"DROP ROLE r{n}" for n in range(count)])


def enum_labels(count: int) -> Input:
    return both(["CREATE TYPE e AS ENUM (" + ", ".join(f"'l{n}'" for n in range(count)) + ")"], ["DROP TYPE e"])


def added_labels(count: int) -> Input:
    return both(
        ["CREATE TYPE e AS ENUM ('l')", *(f"ALTER TYPE e ADD VALUE IF NOT EXISTS 'l{n}'" for n in range(count))],
        ["DROP TYPE e"],
    )


def added_labels_before(count: int) -> Input:
    return both(
        ["CREATE TYPE e AS ENUM ('l')", *(f"ALTER TYPE e ADD VALUE 'l{n}' BEFORE 'l'" for n in range(count))],
        ["DROP TYPE e"],
    )


def types(count: int) -> Input:
    """Domains on domains, and a table of each."""
    return both(
        [
            "CREATE DOMAIN d0 AS integer",
            *(f"CREATE DOMAIN d{n} AS d{n - 1}" for n in range(1, count)),
            *(f"CREATE TABLE t{n} (c d{n})" for n in range(count)),
        ],
        ["DROP DOMAIN d0 CASCADE"],
    )


def schemas(count: int) -> Input:
    return both(
        [f"CREATE SCHEMA s{n}" for n in range(count)] + [f"CREATE TABLE s{n}.t (id bigint)" for n in range(count)],
        [f"DROP SCHEMA s{n} CASCADE" for n in range(count)],
    )


def one_schema_dropped(count: int) -> Input:
    return both(
        ["CREATE SCHEMA s", *(f"CREATE TABLE s.t{n} (id bigint)" for n in range(count))], ["DROP SCHEMA s CASCADE"]
    )


def comments_on(count: int) -> Input:
    return both(
        [f"COMMENT ON COLUMN t.c{n} IS 'what {n} is'" for n in range(count)],
        [f"COMMENT ON COLUMN t.c{n} IS NULL" for n in range(count)],
    )


def search_paths(count: int) -> Input:
    return sql(f"SET search_path = s{n}; CREATE TABLE t (id bigint)" for n in range(count))


def settings(count: int) -> Input:
    return sql(f"SET lock_timeout = '{n}s'" for n in range(count))


def transactions(count: int) -> Input:
    return sql(f"BEGIN; CREATE TABLE t{n} (id bigint); COMMIT" for n in range(count))


def savepoints(count: int) -> Input:
    return sql(
        ["BEGIN", *(f"SAVEPOINT s{n}" for n in range(count)), *(f"RELEASE s{n}" for n in range(count)), "COMMIT"]
    )


def rollbacks(count: int) -> Input:
    """A savepoint each, and all that was made taken back."""
    return sql(
        ["BEGIN", *(f"SAVEPOINT s{n}; CREATE TABLE t{n} (id int); ROLLBACK TO s{n}" for n in range(count)), "COMMIT"]
    )


def old_names(count: int) -> Input:
    """Columns taken away that functions and views may still name."""
    made = [f"CREATE FUNCTION f{n}() RETURNS int LANGUAGE sql AS 'SELECT c{n} FROM t'" for n in range(count)]
    return sql([*made, *(f"ALTER TABLE t DROP COLUMN c{n}" for n in range(count))])


def schemas_dropped(count: int) -> Input:
    """That no migration made."""
    return sql(f"DROP SCHEMA s{n} CASCADE" for n in range(count))


def domains(count: int) -> Input:
    return both(
        [
            *(f"CREATE DOMAIN d{n} AS int CHECK (VALUE > 0)" for n in range(count)),
            *(f"ALTER DOMAIN d{n} ADD CHECK (VALUE < 9)" for n in range(count)),
        ],
        [f"DROP DOMAIN d{n}" for n in range(count)],
    )


CASES = (
    Case("view chain", view_chain, 4_000),
    Case("view chain dropped", view_chain_dropped, 4_000),
    Case("views on one", views_on_one, 1_000),
    Case("replaced views", replaced_views, 5_000),
    Case("replaced functions", replaced_functions, 5_000),
    Case("functions", functions, 5_000),
    Case("overloads", overloads, 3_000),
    Case("calls", calls, 1_000),
    Case("calls twice", calls_twice, 24),
    Case("called often", called_often, 400),
    Case("triggers", triggers, 5_000),
    Case("policies", policies, 5_000),
    Case("grants", grants, 10_000),
    Case("grants own", grants_own, 5_000),
    Case("one grant", one_grant, 40_000),
    Case("grants all", grants_all, 1_000),
    Case("roles", roles, 10_000),
    Case("enum labels", enum_labels, 10_000),
    Case("added labels", added_labels, 5_000),
    Case("added labels before", added_labels_before, 5_000),
    Case("types", types, 2_000),
    Case("schemas", schemas, 3_000),
    Case("schemas dropped", schemas_dropped, 3_000),
    Case("domains", domains, 1_000),
    Case("one schema dropped", one_schema_dropped, 5_000),
    Case("comments on", comments_on, 10_000),
    Case("search paths", search_paths, 5_000),
    Case("settings", settings, 10_000),
    Case("transactions", transactions, 5_000),
    Case("savepoints", savepoints, 10_000),
    Case("rollbacks", rollbacks, 3_000),
    Case("old names", old_names, 2_000),
)
