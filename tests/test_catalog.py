"""The catalog: statements read into changes, changes folded into a schema, DOWN judged against what was before."""

from __future__ import annotations

import pytest

from elf_sqlcheck import sql
from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.differences import differences
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.naming import object_name
from elf_sqlcheck.catalog.objects import Name
from elf_sqlcheck.catalog.read import read


def changes_of(text: str) -> list[ch.Change]:
    data = text.encode()
    script = sql.parse(data)
    assert not script.broken, script.broken
    return [change for statement in script.statements for change in read(statement, data)]


def undone(up: str, down: str, earlier: str = "") -> list[str]:
    """What is different after UP and DOWN, as "kind name change"."""
    catalog = Catalog()
    catalog.apply_all(changes_of(earlier))
    catalog.begin()
    before = catalog.view(0)
    made = changes_of(up)
    catalog.apply_all(made)
    middle = catalog.view()
    catalog.apply_all(changes_of(down))
    return [f"{d.kind} {d.name} {d.change}" for d in differences(before, middle, catalog.view())]


def test_places_are_byte_offsets_in_the_file() -> None:
    text = "-- größe\nCREATE TABLE straße (\n    id uuid PRIMARY KEY, -- schlüssel\n    betrag double precision\n);"
    data = text.encode()
    (table,) = changes_of(text)
    assert isinstance(table, ch.CreateTable)
    assert data[table.span.start : table.span.end].decode() == "straße"
    amount = table.columns[1]
    assert data[amount.span.start : amount.span.end] == b"betrag"
    assert data[amount.type.span.start : amount.type.span.end] == b"double precision"
    key = table.constraints[0]
    assert data[key.span.start : key.span.end] == b"PRIMARY KEY"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("INTEGER", "integer"),
        ("int4", "integer"),
        ("VARCHAR(255)", "character varying(255)"),
        ("char", "character(1)"),
        ("CHAR(3)", "character(3)"),
        ('"char"', '"char"'),
        ("timestamptz(3)", "timestamp(3) with time zone"),
        ("TIMESTAMP WITH TIME ZONE", "timestamp with time zone"),
        ("numeric(10, 2)[]", "numeric(10,2)[]"),
        ("serial4", "serial"),
        ("float", "double precision"),
        ("app.mood", "app.mood"),
    ],
)
def test_types_are_shown_as_postgres_shows_them(written: str, shown: str) -> None:
    (table,) = changes_of(f"CREATE TABLE t (c {written})")
    assert isinstance(table, ch.CreateTable)
    assert str(table.columns[0].type) == shown


def test_expressions_with_one_meaning_have_one_form() -> None:
    first, second = changes_of(
        "ALTER TABLE t ADD CHECK (status IN ('a','b')  AND (amount>0)); "
        "ALTER TABLE t ADD CHECK ((status in ( 'a', 'b' )) and amount > 0)"
    )
    assert isinstance(first, ch.AddConstraint)
    assert isinstance(second, ch.AddConstraint)
    assert first.constraint.expression == second.constraint.expression
    assert first.constraint.expression is not None
    assert first.constraint.expression.columns == ("status", "amount")


def test_what_has_no_word_is_opaque_and_never_silent() -> None:
    (change,) = changes_of("CREATE OPERATOR CLASS c FOR TYPE int4 USING btree AS STORAGE int4")
    assert isinstance(change, ch.Opaque)
    assert change.what == "CREATE OP CLASS"


def test_rows_of_a_seed_file_are_not_decoded() -> None:
    text = "INSERT INTO shop.t (a) VALUES " + ", ".join(f"({n})" for n in range(5000))
    data = text.encode()
    (statement,) = sql.parse(data).statements
    (change,) = read(statement, data)
    assert isinstance(change, ch.WriteRows)
    assert (change.table, change.from_query) == (Name("shop", "t"), False)
    assert statement._node is None


def test_three_views_of_one_migration() -> None:
    catalog = Catalog()
    catalog.apply_all(changes_of("CREATE TABLE t (a int)"))
    catalog.begin()
    before = catalog.view(0)
    made = changes_of("ALTER TABLE t ADD b text; CREATE INDEX idx_t_b ON t (b); ALTER TABLE t DROP a")
    catalog.apply_all(made)
    between, after = catalog.view(1), catalog.view(3)
    seen = [view.table(Name(None, "t")) for view in (before, between, after)]
    assert [list(table.columns) if table else None for table in seen] == [["a"], ["a", "b"], ["b"]]
    assert before.index(Name(None, "idx_t_b")) is None
    assert after.index(Name("public", "idx_t_b")) is not None
    catalog.undo(1)
    table = catalog.now.table(Name(None, "t"))
    assert table is not None
    assert list(table.columns) == ["a", "b"]
    assert not table.indexes


def test_unknown_is_not_absent() -> None:
    catalog = Catalog()
    catalog.apply_all(changes_of("ALTER TABLE users ADD status text; DROP TABLE gone"))
    assert not catalog.now.is_absent("relation", Name(None, "never_heard_of"))
    assert catalog.now.is_absent("relation", Name(None, "gone"))
    users = catalog.now.table(Name(None, "users"))
    assert users is not None
    assert (users.known, users.complete, list(users.columns)) == (False, False, ["status"])


def test_search_path_says_where_new_objects_go_until_the_migration_ends() -> None:
    catalog = Catalog()
    catalog.apply_all(changes_of("SET search_path TO marketing, public; CREATE TABLE campaigns (id int)"))
    assert catalog.now.table(Name("marketing", "campaigns")) is not None
    catalog.begin()
    assert catalog.now.search_path == ("public",)


@pytest.mark.parametrize(
    ("columns", "usable"),
    [
        ("(a, b)", True),
        ("(b, a, c)", True),
        ("(c, a, b)", False),
        ("(a)", False),
        ("(a, b) WHERE a IS NOT NULL", True),
        ("(a, b) WHERE c > 0", False),
    ],
)
def test_an_index_covers_a_key_when_it_leads_with_it(columns: str, *, usable: bool) -> None:
    catalog = Catalog()
    catalog.apply_all(changes_of(f"CREATE TABLE t (a int, b int, c int); CREATE INDEX i ON t {columns}"))
    table = catalog.now.table(Name(None, "t"))
    assert table is not None
    assert (catalog.now.covering_index(table, ("a", "b")) is not None) is usable


def test_long_chosen_names_are_cut_like_postgres_cuts_them() -> None:
    name = object_name("a" * 50, "b" * 40, "fkey")
    assert len(name) == 63
    assert name == "a" * 29 + "_" + "b" * 28 + "_fkey"
    assert object_name("t", "a", "key", {"t_a_key"}) == "t_a_key1"


RIGHT = {
    "table": (
        "CREATE TABLE n (id uuid PRIMARY KEY); CREATE INDEX i ON n (id); COMMENT ON TABLE n IS 'x'",
        "DROP TABLE n",
    ),
    "column of an unknown table": (
        "ALTER TABLE users ADD c int UNIQUE; CREATE INDEX i ON users (c)",
        "ALTER TABLE users DROP c",
    ),
    "rename and back": (
        "ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME a TO b",
        "ALTER TABLE u RENAME b TO a; ALTER TABLE u RENAME TO t",
    ),
    "rename of what is not known": ("ALTER TABLE x RENAME a TO b", "ALTER TABLE x RENAME b TO a"),
    "constraint": ("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)", "ALTER TABLE t DROP CONSTRAINT c"),
    "not null": ("ALTER TABLE t ALTER a SET NOT NULL", "ALTER TABLE t ALTER a DROP NOT NULL"),
    "not null of an unknown table": ("ALTER TABLE x ALTER a SET NOT NULL", "ALTER TABLE x ALTER a DROP NOT NULL"),
    "default": ("ALTER TABLE t ALTER a SET DEFAULT 1", "ALTER TABLE t ALTER a DROP DEFAULT"),
    "column dropped and brought back elsewhere": ("ALTER TABLE t DROP a", "ALTER TABLE t ADD a int"),
    "policy": (
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (true)",
        "DROP POLICY p ON t; ALTER TABLE t DISABLE ROW LEVEL SECURITY",
    ),
    "grant": ("GRANT SELECT ON t TO app", "REVOKE ALL ON t FROM app"),
    "function": ("CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'", "DROP FUNCTION f(int)"),
    "enum": ("CREATE TYPE mood AS ENUM ('a')", "DROP TYPE mood"),
    "extension is allowed to stay": ("CREATE EXTENSION citext", ""),
    "schema": ("CREATE SCHEMA app; CREATE TABLE app.t (id int)", "DROP SCHEMA app CASCADE"),
    "trigger": ("CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()", "DROP TRIGGER g ON t"),
    "index": ("CREATE INDEX ON t (a)", "DROP INDEX t_a_idx"),
    "index of an unknown table dropped": ("DROP INDEX old_idx", "CREATE INDEX old_idx ON elsewhere (a)"),
    "rows": ("INSERT INTO t VALUES (1)", "DELETE FROM t"),
}


@pytest.mark.parametrize("case", RIGHT)
def test_a_right_rollback_leaves_no_difference(case: str) -> None:
    up, down = RIGHT[case]
    assert undone(up, down, "CREATE TABLE t (a int, z text);") == []


WRONG = {
    "table": ("CREATE TABLE n (id int)", "", ["table n left behind"]),
    "column": ("ALTER TABLE t ADD c int", "", ["column t.c left behind"]),
    "column of an unknown table": ("ALTER TABLE users ADD c int", "", ["column users.c left behind"]),
    "dropped column": ("ALTER TABLE t DROP a", "", ["column t.a not restored"]),
    "dropped table": ("DROP TABLE t", "", ["table t not restored"]),
    "dropped unknown table": ("DROP TABLE users", "", ["relation users not restored"]),
    "type": ("ALTER TABLE t ALTER a TYPE bigint", "", ["column t.a changed"]),
    "lost NOT NULL": ("ALTER TABLE t DROP z", "ALTER TABLE t ADD z text NOT NULL", ["column t.z changed"]),
    "constraint": ("ALTER TABLE t ADD CHECK (a > 0)", "", ["constraint t_a_check on t left behind"]),
    "index lost with its column": (
        "ALTER TABLE t DROP k",
        "ALTER TABLE t ADD k int",
        ["index idx_k on t not restored"],
    ),
    "index": ("CREATE INDEX idx_new ON t (a)", "", ["index idx_new on t left behind"]),
    "label": ("ALTER TYPE mood ADD VALUE 'b'", "", ["type mood changed"]),
    "function body": (
        "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'",
        "DROP FUNCTION f()",
        ["function f() not restored"],
    ),
    "row security": ("ALTER TABLE t ENABLE ROW LEVEL SECURITY", "", ["table t changed"]),
    "comment": ("COMMENT ON COLUMN t.a IS 'x'", "", ["comment on column t.a left behind"]),
    "one of two": ("ALTER TABLE t ADD b int, ADD c int", "ALTER TABLE t DROP c", ["column t.b left behind"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_down_does_not_undo_is_named(case: str) -> None:
    up, down, expected = WRONG[case]
    earlier = (
        "CREATE TABLE t (a int, z text, k int); CREATE INDEX idx_k ON t (k); CREATE TYPE mood AS ENUM ('a');"
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'"
    )
    assert undone(up, down, earlier) == expected


@pytest.mark.parametrize("constraint", ["CHECK (a > 0)", "FOREIGN KEY (a) REFERENCES b"])
def test_what_is_not_enforced_is_read_as_such(constraint: str) -> None:
    def enforced(text: str) -> list[bool]:
        change = changes_of(text)[0]
        if isinstance(change, ch.AddConstraint):
            return [change.constraint.enforced]
        assert isinstance(change, ch.CreateTable)
        return [one.enforced for one in change.constraints]

    assert enforced(f"ALTER TABLE t ADD {constraint}") == [True]
    assert enforced(f"ALTER TABLE t ADD {constraint} NOT ENFORCED") == [False]
    inline = constraint.removeprefix("FOREIGN KEY (a) ")
    assert enforced(f"CREATE TABLE t (a INT {inline} NOT ENFORCED, c INT {inline}, {constraint})") == [
        False,
        True,
        True,
    ]


def test_a_function_that_no_migration_made_can_be_renamed() -> None:
    catalog = Catalog()
    catalog.begin()
    catalog.apply_all(changes_of("ALTER FUNCTION f() RENAME TO g;"))
    assert catalog.view().get(("function", "public", "g", "")) is not None


def test_a_circle_of_parents_is_no_trap() -> None:
    """The server refuses each of these; files may hold them all the same."""
    made = "CREATE TABLE a (x int, y int); CREATE TABLE b () INHERITS (a); "
    for sql_text in (
        made + "ALTER TABLE a INHERIT b; ALTER TABLE a DROP COLUMN x; DROP TABLE b CASCADE; DROP TABLE a CASCADE;",
        made + "CREATE TABLE a () INHERITS (b); ALTER TABLE a DROP COLUMN x; DROP TABLE a CASCADE;",
        "CREATE TABLE a (x int) PARTITION BY LIST (x); ALTER TABLE a ATTACH PARTITION a DEFAULT; DROP TABLE a CASCADE;",
    ):
        catalog = Catalog()
        catalog.apply_all(changes_of(sql_text))
        assert catalog.view().is_absent("relation", Name(None, "a"))


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE t (c int); CREATE TABLE kid () INHERITS (t); ALTER TABLE kid RENAME TO t;",
        "CREATE TABLE t (c int); CREATE TABLE s.t () INHERITS (t); ALTER TABLE s.t SET SCHEMA public;",
    ],
)
def test_a_child_cannot_take_the_name_of_its_parent(text: str) -> None:
    catalog = Catalog()
    catalog.apply_all(changes_of(f"{text} ALTER TABLE t ALTER c TYPE bigint"))
    parent = catalog.now.table(Name("public", "t"))
    child = catalog.now.table(Name("s", "t") if "s.t" in text else Name("public", "kid"))
    assert parent
    assert child
    assert (parent.inherits, child.inherits) == ((), (parent.name,))
    assert [str(column and column.type) for column in child.columns.values()] == ["bigint"]
