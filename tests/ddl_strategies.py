"""Statements for `test_catalog_property`: valid in themselves, over names of which some exist and some do not."""

from __future__ import annotations

from hypothesis import strategies as st

#: What every script starts from, so that most of its statements find what they name.
GROUND = """
CREATE SCHEMA app;
CREATE TYPE mood AS ENUM ('sad');
CREATE DOMAIN app.size AS int CHECK (VALUE > 0);
CREATE TYPE pair AS (l mood, r int);
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION g(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE TABLE t (a int PRIMARY KEY, b text UNIQUE, c int DEFAULT g(1) CHECK (c > 0), e app.size);
CREATE TABLE u (a int REFERENCES t, b text NOT NULL REFERENCES t (b), c mood, d pair, CONSTRAINT k CHECK (a > 0));
CREATE TABLE part (a int, b text, c int CHECK (c > 0), PRIMARY KEY (a)) PARTITION BY LIST (a);
CREATE TABLE p1 PARTITION OF part FOR VALUES IN (7);
CREATE TABLE kid (x int) INHERITS (t);
CREATE INDEX i ON u (b);
CREATE INDEX j ON part (c);
CREATE VIEW w AS SELECT a, b FROM t;
CREATE VIEW x AS SELECT w.a, u.c FROM w JOIN u ON u.a = w.a;
CREATE TRIGGER r BEFORE INSERT ON u FOR EACH ROW EXECUTE FUNCTION f();
CREATE POLICY p ON t USING (c IS NOT NULL);
CREATE SEQUENCE s;
CREATE TABLE v (a serial, c int GENERATED ALWAYS AS IDENTITY);
"""

TABLES = ("t", "t", "u", "u", "part", "p1", "kid", "v", "app.t", '"Q t"')
COLUMNS = ("a", "a", "b", "b", "c", "c", '"C d"')
TYPES = ("int", "bigint", "text", "varchar(20)", "numeric(8,2)", "mood", "app.size", "uuid")
VALUES = {"int": "1", "bigint": "2", "text": "'x'", "varchar(20)": "'y'", "numeric(8,2)": "1.5", "mood": "'sad'",
          "app.size": "3", "uuid": "gen_random_uuid()"}  # fmt: skip
INDEXES = ("i", "j", "app.i")
CONSTRAINTS = ("k", "l", "t_a_check", "t_pkey", "u_a_fkey", "t_a_key")
FUNCTIONS = ("f", "f", "g", "g", "app.f")
ROLES = ("catalog_one", "catalog_two", "PUBLIC")
SEQUENCES = ("s", "s", "t_a_seq", "v_a_seq", "v_c_seq", "app.s")

table = st.sampled_from(TABLES)
column = st.sampled_from(COLUMNS)
index = st.sampled_from(INDEXES)
constraint = st.sampled_from(CONSTRAINTS)
function = st.sampled_from(FUNCTIONS)
sequence = st.sampled_from(SEQUENCES)
new = st.sampled_from(("n1", "n2", '"N 3"'))
view = st.sampled_from(("w", "x", "app.w"))
type_name = st.sampled_from(("mood", "app.size", "pair", "app.mood"))
cascade = st.sampled_from(("", "", " CASCADE"))
exists = st.sampled_from(("", " IF EXISTS"))


def _form(template: str, **parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.fixed_dictionaries(parts).map(lambda values: template.format(**values))


typed = st.sampled_from(TYPES)
default = typed.flatmap(lambda kind: st.sampled_from((kind, f"{kind} DEFAULT {VALUES[kind]}", f"{kind} NOT NULL")))
modified = st.sampled_from(
    ("", "", " PRIMARY KEY", " UNIQUE", " CHECK (a IS NOT NULL)", " REFERENCES t", " REFERENCES u (b)")
)
definition = st.one_of(
    _form("{type}{more}", type=default, more=modified),
    st.sampled_from(("serial", "int GENERATED ALWAYS AS IDENTITY", "int GENERATED ALWAYS AS (1 + 1) STORED")),
)
columns = st.lists(column, min_size=1, max_size=3, unique=True)


def _defined(names: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.tuples(*[_form("{name} {d}", name=st.just(name), d=definition) for name in names])


body = columns.flatmap(_defined).map(", ".join)
names = columns.map(", ".join)
table_constraint = st.one_of(
    _form("CHECK ({c} IS NOT NULL)", c=column),
    _form("UNIQUE ({names})", names=names),
    _form("PRIMARY KEY ({names})", names=names),
    _form("FOREIGN KEY ({c}) REFERENCES {t} ({d}) ON DELETE CASCADE", c=column, d=column, t=table),
    _form("CONSTRAINT {k} CHECK ({c} IS NOT NULL)", k=constraint, c=column),
    _form("CONSTRAINT {k} UNIQUE ({c}) DEFERRABLE", k=constraint, c=column),
    _form("CONSTRAINT {k} FOREIGN KEY ({c}) REFERENCES {t}", k=constraint, c=column, t=table),
    _form("CHECK ({c} IS NOT NULL) NOT VALID", c=column),
)

CREATES = (
    _form("CREATE TABLE {t} ({body})", t=table, body=body),
    _form("CREATE TABLE {t} ({body}, {constraint})", t=table, body=body, constraint=table_constraint),
    _form("CREATE TABLE IF NOT EXISTS {t} ({body})", t=table, body=body),
    _form("CREATE TABLE {t} (LIKE {u}{with_})", t=table, u=table, with_=st.sampled_from(
        ("", " INCLUDING ALL", " INCLUDING DEFAULTS INCLUDING INDEXES", " INCLUDING CONSTRAINTS"))),
    _form("CREATE TABLE {t} () INHERITS ({u})", t=table, u=table),
    _form("CREATE TABLE part (a int, b text, c int{more}) PARTITION BY LIST (a)",
          more=st.sampled_from(("", ", PRIMARY KEY (a)", ", CHECK (c > 0)", " REFERENCES t"))),
    _form("CREATE TABLE {t} PARTITION OF part FOR VALUES IN ({n})", t=table, n=st.sampled_from(("1", "2", "3"))),
    _form("CREATE TABLE {t} AS SELECT * FROM {u}", t=table, u=table),
    _form("CREATE TABLE {t} AS SELECT {c}, {d} AS a FROM {u}", t=table, u=table, c=column, d=column),
    _form("CREATE{unique} INDEX {i} ON {t} ({names})", unique=st.sampled_from(("", " UNIQUE")), i=index.map(
        lambda name: name.removeprefix("app.")), t=table, names=names),
    _form("CREATE INDEX ON {t} ({c}, ({d} IS NULL)) WHERE {c} IS NOT NULL", t=table, c=column, d=column),
    _form("CREATE VIEW {v} AS SELECT {c}, {d} AS z FROM {t}", v=view, t=table, c=column, d=column),
    _form("CREATE VIEW {v} AS SELECT * FROM {t}", v=view, t=table),
    _form("CREATE VIEW {v} AS SELECT x1.*, y1.{c} AS y FROM {t} x1 JOIN {u} y1 ON x1.{c} = y1.{c}",
          v=view, t=table, u=table, c=column),
    _form("CREATE MATERIALIZED VIEW m AS SELECT {c} FROM {t}", t=table, c=column),
    _form("CREATE SEQUENCE {s} OWNED BY {t}.{c}", s=sequence, t=table, c=column),
    _form("CREATE SEQUENCE {s}", s=sequence),
    _form("CREATE FUNCTION {f}({a}) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'", f=function,
          a=st.sampled_from(("", "int", "mood"))),
    _form("CREATE FUNCTION {f}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'", f=function),
    _form("CREATE TRIGGER r BEFORE INSERT ON {t} FOR EACH ROW EXECUTE FUNCTION {f}()", t=table, f=function),
    _form("CREATE POLICY p ON {t} USING ({c} IS NOT NULL)", t=table, c=column),
    _form("CREATE TYPE mood AS ENUM ('sad')"), _form("CREATE DOMAIN app.size AS int CHECK (VALUE > 0)"),
    _form("CREATE TYPE pair AS (l mood, r int)"), _form("CREATE TYPE app.mood AS ENUM ('x', 'y')"),
    _form("CREATE SCHEMA IF NOT EXISTS app"),
    _form("CREATE RULE ru AS ON DELETE TO {t} DO NOTHING", t=table),
    _form("CREATE STATISTICS st ON {c}, {d} FROM {t}", t=table, c=column, d=column),
)  # fmt: skip
ALTERS = (
    _form("ALTER TABLE {t} ADD COLUMN {c} {d}", t=table, c=column, d=definition),
    _form("ALTER TABLE {t} ADD COLUMN IF NOT EXISTS {c} {d}", t=table, c=column, d=definition),
    _form("ALTER TABLE {t} DROP COLUMN {c}{cascade}", t=table, c=column, cascade=cascade),
    _form("ALTER TABLE {t} ALTER {c} TYPE {d}", t=table, c=column, d=st.sampled_from(("text", "bigint", "varchar(9)"))),
    _form("ALTER TABLE {t} ALTER {c} {what}", t=table, c=column, what=st.sampled_from(
        ("SET NOT NULL", "DROP NOT NULL", "DROP DEFAULT", "SET DEFAULT NULL", "DROP IDENTITY IF EXISTS",
         "DROP EXPRESSION IF EXISTS", "ADD GENERATED BY DEFAULT AS IDENTITY"))),
    _form("ALTER TABLE {t} ALTER {c} SET DEFAULT {f}(1)", t=table, c=column, f=function),
    _form("ALTER TABLE {t} ALTER {c} SET DEFAULT nextval('{s}')", t=table, c=column, s=sequence),
    _form("ALTER TABLE {t} ADD {k}", t=table, k=table_constraint),
    _form("ALTER TABLE {t} DROP CONSTRAINT {k}{cascade}", t=table, k=constraint, cascade=cascade),
    _form("ALTER TABLE {t} VALIDATE CONSTRAINT {k}", t=table, k=constraint),
    _form("ALTER TABLE {t} RENAME {c} TO {n}", t=table, c=column, n=st.one_of(column, new)),
    _form("ALTER TABLE {t} RENAME CONSTRAINT {k} TO {l}", t=table, k=constraint, l=constraint),
    _form("ALTER TABLE {t} RENAME TO {n}", t=table, n=st.sampled_from(("t", "u", "v", '"Q t"'))),
    _form("ALTER TABLE {t} SET SCHEMA {s}", t=table, s=st.sampled_from(("app", "public"))),
    _form("ALTER TABLE {t} {what} ROW LEVEL SECURITY", t=table, what=st.sampled_from(("ENABLE", "DISABLE", "FORCE"))),
    _form("ALTER TABLE {t} INHERIT {u}", t=table, u=table), _form("ALTER TABLE {t} NO INHERIT {u}", t=table, u=table),
    _form("ALTER TABLE part ATTACH PARTITION {t} FOR VALUES IN (5)", t=table),
    _form("ALTER TABLE part DETACH PARTITION {t}", t=table),
    _form("ALTER TABLE {t} {what} TRIGGER r", t=table, what=st.sampled_from(("ENABLE", "DISABLE", "ENABLE ALWAYS"))),
    _form("ALTER INDEX {i} RENAME TO {j}", i=index, j=st.sampled_from(("i", "j"))),
    _form("ALTER VIEW {v} RENAME TO {w}", v=view, w=st.sampled_from(("w", "x"))),
    _form("ALTER VIEW {v} SET SCHEMA {s}", v=view, s=st.sampled_from(("app", "public"))),
    _form("ALTER FUNCTION {f} RENAME TO {n}", f=function, n=st.sampled_from(("f", "g"))),
    _form("ALTER FUNCTION {f} SET SCHEMA {s}", f=function, s=st.sampled_from(("app", "public"))),
    _form("ALTER TYPE {y} RENAME TO {n}", y=type_name, n=st.sampled_from(("mood", "pair", "size"))),
    _form("ALTER TYPE {y} SET SCHEMA {s}", y=type_name, s=st.sampled_from(("app", "public"))),
    _form("ALTER TYPE mood ADD VALUE IF NOT EXISTS 'more'"), _form("ALTER TYPE pair ADD ATTRIBUTE q text"),
    _form("ALTER TYPE pair DROP ATTRIBUTE l"), _form("ALTER SEQUENCE {s} OWNED BY NONE", s=sequence),
    _form("ALTER SEQUENCE {s} RENAME TO {n}", s=sequence, n=st.sampled_from(("s", "s2"))),
    _form("ALTER DOMAIN app.size SET NOT NULL"), _form("ALTER SCHEMA app RENAME TO apps"),
    _form("ALTER SCHEMA apps RENAME TO app"),
    _form("COMMENT ON TABLE {t} IS 'said'", t=table), _form("COMMENT ON COLUMN {t}.{c} IS 'said'", t=table, c=column),
    _form("COMMENT ON INDEX {i} IS 'said'", i=index),
    _form("COMMENT ON CONSTRAINT {k} ON {t} IS 'said'", k=constraint, t=table),
    _form("GRANT {p} ON {t} TO {r}", p=st.sampled_from(("SELECT", "ALL", "INSERT, UPDATE", "SELECT (a), UPDATE (b)")),
          t=table, r=st.sampled_from(ROLES)),
    _form("REVOKE {p} ON {t} FROM {r}", p=st.sampled_from(("SELECT", "ALL", "UPDATE (b)")), t=table,
          r=st.sampled_from(ROLES)),
    _form("REVOKE ALL ON FUNCTION {f} FROM {r}", f=function, r=st.sampled_from(ROLES)),
    _form("GRANT EXECUTE ON FUNCTION {f} TO {r}", f=function, r=st.sampled_from(ROLES)),
    _form("ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO catalog_one"),
)  # fmt: skip
DROPS = (
    _form("DROP TABLE{exists} {t}{cascade}", exists=exists, t=table, cascade=cascade),
    _form("DROP TABLE {t}, {u}", t=table, u=table),
    _form("DROP INDEX{exists} {i}", exists=exists, i=index),
    _form("DROP VIEW{exists} {v}{cascade}", exists=exists, v=view, cascade=cascade),
    _form("DROP SEQUENCE{exists} {s}{cascade}", exists=exists, s=sequence, cascade=cascade),
    _form("DROP FUNCTION{exists} {f}{cascade}", exists=exists, f=function, cascade=cascade),
    _form("DROP TYPE{exists} {y}{cascade}", exists=exists, y=type_name, cascade=cascade),
    _form("DROP TRIGGER{exists} r ON {t}", exists=exists, t=table),
    _form("DROP POLICY{exists} p ON {t}", exists=exists, t=table),
    _form("DROP SCHEMA{exists} app{cascade}", exists=exists, cascade=cascade),
    _form("DROP MATERIALIZED VIEW IF EXISTS m"), _form("DROP RULE IF EXISTS ru ON {t}", t=table),
)  # fmt: skip

#: Three of four statements make or alter something: a schema grows.
statement = st.one_of(
    st.one_of(*CREATES), st.one_of(*CREATES), st.one_of(*ALTERS), st.one_of(*ALTERS), st.one_of(*DROPS)
)
script = st.lists(statement, min_size=15, max_size=40)
