"""The worst that a schema can be: further cases of `bench/worst.py`."""

from __future__ import annotations

import json

from bench.worst_cases import DOWN, UP, Case, Input, both, dropped, plpgsql, sql, tables


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


def sequences(count: int) -> Input:
    return both(
        [
            *tables(count, "id serial PRIMARY KEY"),
            *(f"ALTER SEQUENCE t{n}_id_seq OWNED BY t{n}.id" for n in range(count)),
        ],
        dropped(count),
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


def made_and_dropped(count: int) -> Input:
    """The same table, again and again."""
    return both(["CREATE TABLE t (id bigint); DROP TABLE t"] * count, ["SELECT 1"])


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


def old_names(count: int) -> Input:
    """Columns taken away that functions and views may still name."""
    made = [f"CREATE FUNCTION f{n}() RETURNS int LANGUAGE sql AS 'SELECT c{n} FROM t'" for n in range(count)]
    return sql([*made, *(f"ALTER TABLE t DROP COLUMN c{n}" for n in range(count))])


# ---------------------------------------------------------------------------------------------------- plpgsql


def do_statements(count: int) -> Input:
    return sql([plpgsql("BEGIN\n" + "".join(f"  UPDATE t SET c = {n};\n" for n in range(count)) + "END")])


def do_ddl(count: int) -> Input:
    return sql([plpgsql("BEGIN\n" + "".join(f"  ALTER TABLE t ADD COLUMN c{n} int;\n" for n in range(count)) + "END")])


def function_statements(count: int) -> Input:
    body = "BEGIN\n" + "".join(f"  UPDATE t SET c = {n};\n" for n in range(count)) + "END"
    return sql([plpgsql(body, "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS")])


def assignments(count: int) -> Input:
    body = "DECLARE x int := 0; BEGIN\n" + "".join(f"  x := x + {n};\n" for n in range(count)) + "END"
    return sql([plpgsql(body)])


def declarations(count: int) -> Input:
    names = "".join(f"  v{n} text := 'x{n}';\n" for n in range(count))
    uses = "".join(f"  EXECUTE v{n};\n" for n in range(count))
    return sql([plpgsql(f"DECLARE\n{names}BEGIN\n{uses}END")])


def nested_blocks(count: int) -> Input:
    return sql([plpgsql("BEGIN\n" * count + "UPDATE t SET c = 1;\n" + "END;\n" * count)])


def nested_ifs(count: int) -> Input:
    body = "".join(f"IF a = {n} THEN\n" for n in range(count)) + "UPDATE t SET c = 1;\n" + "END IF;\n" * count
    return sql([plpgsql(f"DECLARE a int := 1; BEGIN\n{body}END")])


def nested_loops(count: int) -> Input:
    body = (
        "".join(f"FOR r{n} IN SELECT * FROM t LOOP\n" for n in range(count))
        + "UPDATE t SET c = 1;\n"
        + "END LOOP;\n" * count
    )
    return sql([plpgsql("DECLARE " + "".join(f"r{n} record; " for n in range(count)) + f"BEGIN\n{body}END")])


def elsifs(count: int) -> Input:
    body = (
        "IF a = 0 THEN NULL;\n"
        + "".join(f"ELSIF a = {n} THEN UPDATE t SET c = {n};\n" for n in range(count))
        + "END IF;\n"
    )
    return sql([plpgsql(f"DECLARE a int := 1; BEGIN\n{body}END")])


def handlers(count: int) -> Input:
    body = "".join(
        f"BEGIN ALTER TABLE t ADD COLUMN c{n} int; EXCEPTION WHEN duplicate_column THEN NULL; END;\n"
        for n in range(count)
    )
    return sql([plpgsql(f"BEGIN\n{body}END")])


def nested_do(count: int) -> Input:
    """Each EXECUTE holds another DO, in dollar quotes of its own."""
    text = "UPDATE t SET c = 1;"
    for n in range(count):
        text = f"DO $d{n}$ BEGIN EXECUTE $e{n}$ {text} $e{n}$; END $d{n}$;"
    return Input(text)


def many_do(count: int) -> Input:
    return sql(plpgsql(f"BEGIN ALTER TABLE t ADD COLUMN c{n} int; END") for n in range(count))


def executes(count: int) -> Input:
    body = "".join(f"  EXECUTE format('ALTER TABLE %I ADD COLUMN c{n} int', 't');\n" for n in range(count))
    return sql([plpgsql(f"BEGIN\n{body}END")])


def executed_concatenation(count: int) -> Input:
    body = "EXECUTE " + " || ".join(f"'ALTER TABLE t ADD COLUMN c{n} int; '" for n in range(count))
    return sql([plpgsql(f"BEGIN {body}; END")])


def executed_variable(count: int) -> Input:
    """A text that grows by a piece a statement, and runs in the end."""
    body = "".join(f"  q := q || 'ALTER TABLE t ADD COLUMN c{n} int; ';\n" for n in range(count))
    return sql([plpgsql(f"DECLARE q text := ''; BEGIN\n{body}  EXECUTE q;\nEND")])


def executed_growing(count: int) -> Input:
    """As above, but it runs after each piece."""
    body = "".join(f"  q := q || 'ALTER TABLE t ADD COLUMN c{n} int; '; EXECUTE q;\n" for n in range(count))
    return sql([plpgsql(f"DECLARE q text := ''; BEGIN\n{body}END")])


def doubled_text(count: int) -> Input:
    """A text that doubles with each statement."""
    body = "".join("  q := q || q;\n" for _ in range(count))
    return sql([plpgsql(f"DECLARE q text := 'SELECT 1; '; BEGIN\n{body}  EXECUTE q;\nEND")])


def formatted_text(count: int) -> Input:
    body = "".join("  q := format('%s %s', q, q);\n" for _ in range(count))
    return sql([plpgsql(f"DECLARE q text := 'SELECT 1; '; BEGIN\n{body}  EXECUTE q;\nEND")])


def repeated_text(count: int) -> Input:
    return sql([plpgsql(f"BEGIN EXECUTE repeat('SELECT 1; ', {count * 1_000_000}); END")])


def looped_arrays(count: int) -> Input:
    """A loop over the names of so many tables."""
    names = ", ".join(f"'t{n}'" for n in range(count))
    body = f"FOREACH n IN ARRAY ARRAY[{names}] LOOP EXECUTE format('ALTER TABLE %I ADD COLUMN c int', n); END LOOP;"
    return sql([plpgsql(f"DECLARE n text; BEGIN {body} END")])


def looped_twice(count: int) -> Input:
    """A loop within a loop, each over so many names."""
    names = ", ".join(f"'t{n}'" for n in range(count))
    inner = (
        f"FOREACH m IN ARRAY ARRAY[{names}] LOOP EXECUTE format('ALTER TABLE %I ADD COLUMN %I int', n, m); END LOOP;"
    )
    return sql([plpgsql(f"DECLARE n text; m text; BEGIN FOREACH n IN ARRAY ARRAY[{names}] LOOP {inner} END LOOP; END")])


# ---------------------------------------------------------------------------------------------------- findings


def findings(count: int, *options: str) -> Input:
    """Something to find in every statement, and something to fix in most."""
    made = [f"CREATE INDEX i{n} ON orders (c{n})" for n in range(count)]
    return sql(made, *options)


def findings_in_one(count: int, *options: str) -> Input:
    columns = ",\n".join(f"    c{n} varchar(20) NOT NULL" for n in range(count))
    return sql([f"CREATE TABLE t (\n    id serial,\n{columns}\n)"], *options)


def as_sarif(count: int) -> Input:
    return findings(count, "--output-format", "sarif")


def as_rdjson(count: int) -> Input:
    return findings(count, "--output-format", "rdjson")


def as_json(count: int) -> Input:
    return findings(count, "--output-format", "json")


def as_html(count: int) -> Input:
    return findings(count, "--output-format", "html")


def as_markdown(count: int) -> Input:
    return findings(count, "--output-format", "markdown")


def as_gitlab(count: int) -> Input:
    return findings(count, "--output-format", "gitlab")


def as_text(count: int) -> Input:
    return findings(count, "--output-format", "text")


def as_junit(count: int) -> Input:
    return findings(count, "--output-format", "junit")


def one_line_text(count: int) -> Input:
    return Input(
        "; ".join(f"CREATE INDEX i{n} ON orders (c{n})" for n in range(count)), options=("--output-format", "text")
    )


def one_line_sarif(count: int) -> Input:
    return Input(
        "; ".join(f"CREATE INDEX i{n} ON orders (c{n})" for n in range(count)), options=("--output-format", "sarif")
    )


def fixed(count: int) -> Input:
    return findings(count, "--diff")


def secrets(count: int) -> Input:
    """A password in every statement."""
    return sql(f"CREATE ROLE r{n} LOGIN PASSWORD 'Sw0rdfish-{n}-xYz'" for n in range(count))


def secret_urls(count: int) -> Input:
    return sql(
        f"INSERT INTO t VALUES ('postgres://user:Sw0rdfish{n}@db.example.org/x' || 'more')" for n in range(count)
    )


def near_secrets(count: int) -> Input:
    """What begins as a credential and is none, on one line."""
    words = "://a:b eyJ sk-aB0 xoxb-1 AKIA -----BEGIN RSA PRIVATE aB0"
    return sql([f"SELECT '{words * count}'"])


def key_openings(count: int) -> Input:
    """The words of a private key's first line without end."""
    return sql(["SELECT '-----BEGIN " + "RSA " * count + "' || 'PRIVATE KEY aB0'"])


def baseline(count: int) -> Input:
    listed = [{"path": "worst.sql", "rule": "made-up", "statement": f"{n:016x}", "count": 1} for n in range(count)]
    known = json.dumps({"version": 1, "findings": listed})
    made = findings(max(1, count // 100), "--baseline", "known.json")
    return made._replace(files={"known.json": known})


def baseline_used(count: int) -> Input:
    """A baseline that knows none of so many findings."""
    return findings(count, "--baseline", "known.json")._replace(files={"known.json": '{"version": 1, "findings": []}'})


def table_sizes(count: int) -> Input:
    sizes = "".join(f'"public.t{n}" = {n * 1000}\n' for n in range(count))
    changed = [f"ALTER TABLE t{n} ADD COLUMN c int NOT NULL" for n in range(max(1, count // 100))]
    return sql(changed)._replace(files={"elf-sqlcheck.toml": f"[table-sizes]\n{sizes}"})


def many_files(count: int) -> Input:
    text = f"{UP}CREATE TABLE {{0}} (id bigint);\n{DOWN}DROP TABLE {{0}};\n"
    files = {f"m/2025{n // 1_000_000:04}_{n % 1_000_000:06}_add.sql": text.format(f"t{n}") for n in range(count)}
    return Input("", files=files, paths=("m",))


def named_files(count: int) -> Input:
    """Each named on the command line, as pre-commit does."""
    made = many_files(count)
    return made._replace(paths=tuple(made.files))


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
    Case("clique", clique, 60),
    Case("foreign keys", foreign_keys, 5_000),
    Case("key chain", key_chain, 5_000),
    Case("indexes", indexes, 10_000),
    Case("indexes own", indexes_own, 5_000),
    Case("constraints", constraints, 5_000),
    Case("unnamed constraints", unnamed_constraints, 3_000),
    Case("unnamed indexes", unnamed_indexes, 3_000),
    Case("partitions", partitions, 5_000),
    Case("partitions changed", partitions_changed, 2_000),
    Case("attached", attached, 4_000),
    Case("partition tree", partition_tree, 2_000),
    Case("inheritance chain", inheritance_chain, 200),
    Case("enum labels", enum_labels, 10_000),
    Case("added labels", added_labels, 5_000),
    Case("added labels before", added_labels_before, 5_000),
    Case("types", types, 2_000),
    Case("sequences", sequences, 5_000),
    Case("schemas", schemas, 3_000),
    Case("one schema dropped", one_schema_dropped, 5_000),
    Case("comments on", comments_on, 10_000),
    Case("made and dropped", made_and_dropped, 10_000),
    Case("search paths", search_paths, 5_000),
    Case("settings", settings, 10_000),
    Case("transactions", transactions, 5_000),
    Case("savepoints", savepoints, 10_000),
    Case("rollbacks", rollbacks, 3_000),
    Case("rebuilt", rebuilt, 2_000),
    Case("locked tables", locked_tables, 5_000),
    Case("old names", old_names, 2_000),
    Case("do statements", do_statements, 5_000),
    Case("do ddl", do_ddl, 5_000),
    Case("function statements", function_statements, 5_000),
    Case("assignments", assignments, 5_000),
    Case("declarations", declarations, 3_000),
    Case("nested blocks", nested_blocks, 200),
    Case("nested ifs", nested_ifs, 200),
    Case("nested loops", nested_loops, 100),
    Case("elsifs", elsifs, 2_000),
    Case("handlers", handlers, 2_000),
    Case("nested do", nested_do, 12),
    Case("many do", many_do, 5_000),
    Case("executes", executes, 5_000),
    Case("executed concatenation", executed_concatenation, 1_000),
    Case("executed variable", executed_variable, 2_000),
    Case("executed growing", executed_growing, 500),
    Case("doubled text", doubled_text, 40),
    Case("formatted text", formatted_text, 40),
    Case("repeated text", repeated_text, 1_000),
    Case("looped arrays", looped_arrays, 5_000),
    Case("looped twice", looped_twice, 200),
    Case("findings", findings, 5_000),
    Case("findings in one", findings_in_one, 1_600),
    Case("as sarif", as_sarif, 5_000),
    Case("as rdjson", as_rdjson, 5_000),
    Case("as json", as_json, 5_000),
    Case("as html", as_html, 5_000),
    Case("as markdown", as_markdown, 5_000),
    Case("as gitlab", as_gitlab, 5_000),
    Case("as text", as_text, 5_000),
    Case("as junit", as_junit, 5_000),
    Case("one line text", one_line_text, 5_000),
    Case("one line sarif", one_line_sarif, 5_000),
    Case("fixed", fixed, 5_000),
    Case("secrets", secrets, 5_000),
    Case("secret urls", secret_urls, 5_000),
    Case("near secrets", near_secrets, 10_000),
    Case("key openings", key_openings, 20_000),
    Case("baseline", baseline, 100_000),
    Case("baseline used", baseline_used, 5_000),
    Case("table sizes", table_sizes, 10_000),
    Case("many files", many_files, 5_000),
    Case("named files", named_files, 5_000),
)
