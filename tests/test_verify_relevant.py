"""Of a long history only what has to do with a migration is read: what is predicted of it stays the same."""

from __future__ import annotations

from elf_sqlcheck.layouts import read
from elf_sqlcheck.model import Migration
from elf_sqlcheck.verify.observe.prediction import Foresight
from elf_sqlcheck.verify.relevant import relevant
from tests.migrate_files import text


def made(number: int, up: str) -> Migration:
    name = f"202501{number // 24 + 1:02}_{number % 24:02}0000_m{number}"
    return read(f"migrations/{name}.sql", text(name, up, "SELECT 1;").encode())


def history(*early: str) -> list[Migration]:
    """The early ones, and then many that have nothing to do with them."""
    first = [made(number, up) for number, up in enumerate(early)]
    rest = range(len(first), len(first) + 40)
    return [*first, *(made(number, f"CREATE TABLE other{number} (id int PRIMARY KEY);") for number in rest)]


def numbers(found: list[Migration], whole: list[Migration]) -> list[int]:
    return [whole.index(migration) for migration in found]


def test_what_names_the_same_table_counts_and_what_comes_by_a_rename() -> None:
    whole = history(
        "CREATE DOMAIN money_amount AS numeric;",
        "CREATE TABLE bills (id int, total money_amount);",
        "CREATE INDEX ON bills (id);",
        "ALTER TABLE bills RENAME TO invoices;",
        "CREATE TABLE notes (id int);",
    )
    judged = made(90, "ALTER TABLE invoices ALTER COLUMN total TYPE numeric;")
    assert numbers(relevant(whole, judged), whole) == [0, 1, 2, 3]


def test_what_a_called_function_is_made_of_counts() -> None:
    whole = history(
        "CREATE FUNCTION inner_one() RETURNS void LANGUAGE sql AS 'SELECT 1';",
        "CREATE FUNCTION outer_one() RETURNS void LANGUAGE sql AS 'SELECT inner_one()';",
        "CREATE FUNCTION other_one() RETURNS void LANGUAGE sql AS 'SELECT 1';",
    )
    assert numbers(relevant(whole, made(90, "SELECT outer_one();")), whole)[:2] in ([0, 1], [1])


def test_a_short_history_is_read_whole_and_what_sweeps_always_counts() -> None:
    whole = history("CREATE SCHEMA old;", "DROP SCHEMA old CASCADE;")
    assert numbers(relevant(whole, made(90, "CREATE TABLE fresh (id int);")), whole) == [1]
    assert relevant(whole[:20], made(90, "CREATE TABLE fresh (id int);")) == whole[:20]


def test_predictions_are_those_of_the_whole_history() -> None:
    whole = history(
        "CREATE DOMAIN amount AS numeric;\nCREATE TABLE bills (id int PRIMARY KEY, total amount, payer int NOT NULL);",
        "CREATE TABLE lines (id int, bill int REFERENCES bills);",
        "ALTER TABLE bills RENAME TO invoices;",
        "CREATE TABLE notes (id int, body varchar(10));",
    )
    judged = [
        made(80, "ALTER TABLE invoices ALTER COLUMN id TYPE bigint;\nALTER TABLE invoices ALTER payer SET NOT NULL;"),
        made(81, "ALTER TABLE notes ALTER COLUMN body TYPE text;\nDROP TABLE lines;"),
    ]
    chain = [*whole, *judged]
    every, some = Foresight(chain), Foresight(chain)
    for migration in chain:
        full = every.of(migration).statements  # one after the other: nothing is passed over
        if migration in judged:
            assert some.of(migration).statements == full
            assert all(full.values())
