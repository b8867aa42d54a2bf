"""The worst of plpgsql: cases of `bench/worst.py`."""

from __future__ import annotations

from bench.worst_cases.case import Case, Input, plpgsql, sql


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


def many_growing(count: int) -> Input:
    """Short blocks that each put a long text together."""
    growing = "q := q || q; " * 11
    body = f"DECLARE q text := 'ALTER TABLE t ADD COLUMN c int; '; BEGIN {growing} EXECUTE q; END"
    return sql([plpgsql(body)] * count)


def functions_growing(count: int) -> Input:
    growing = "q := q || q; " * 11
    body = f"DECLARE q text := 'ALTER TABLE t ADD COLUMN c int; '; BEGIN {growing} EXECUTE q; END"
    return sql(plpgsql(body, f"CREATE FUNCTION f{n}() RETURNS void LANGUAGE plpgsql AS") for n in range(count))


def nested_growing(count: int) -> Input:
    """A short text that holds a block which puts a long one together, and is itself put together many times."""
    inner = "DO $i$ DECLARE q text := ''UPDATE t SET c = 1; ''; BEGIN " + "q := q || q; " * 10 + "EXECUTE q; END $i$; "
    growing = "q := q || q; " * 8
    return sql([plpgsql(f"DECLARE q text := '{inner}'; BEGIN {growing} EXECUTE q; END")] * count)


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


CASES = (
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
    Case("many growing", many_growing, 200),
    Case("nested growing", nested_growing, 20),
    Case("functions growing", functions_growing, 100),
    Case("doubled text", doubled_text, 40),
    Case("formatted text", formatted_text, 40),
    Case("repeated text", repeated_text, 1_000),
    Case("looped arrays", looped_arrays, 5_000),
    Case("looped twice", looped_twice, 200),
)
