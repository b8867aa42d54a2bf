"""Scripts put together at random, folded and run: catalog and server must agree after UP, and again after DOWN.

A statement that the server refuses is left out of both. DOWN is what `inverse` gives for each change of UP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from elf_sqlcheck import sql
from elf_sqlcheck.catalog.changes import Drop
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.inverse import inverse
from elf_sqlcheck.catalog.read import read
from tests.catalog_server import told_by_server
from tests.catalog_words import different, told_by_catalog
from tests.ddl_strategies import GROUND, script

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.postgres.server import Server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def connection(server: Server) -> Iterator[Any]:
    """A connection to a database of its own, with the roles that the scripts name."""
    import psycopg

    with psycopg.connect(server.create_database("catalog_property"), autocommit=True) as made:
        for role in ("catalog_one", "catalog_two"):
            made.execute(f"DROP ROLE IF EXISTS {role}")
            made.execute(f"CREATE ROLE {role}")
        yield made
        made.execute("DROP ROLE catalog_one, catalog_two")
    server.drop_database("catalog_property")


def changes_of(text: str) -> list[Change]:
    data = text.encode()
    parsed = sql.parse(data)
    assert not parsed.broken, text
    return [change for statement in parsed.statements for change in read(statement, data)]


def run(connection: Any, catalog: Catalog, text: str) -> bool:
    """Run one statement and fold it; False when the server refuses it."""
    import psycopg

    changes = changes_of(text)
    refused = ""
    try:
        with connection.transaction():
            connection.execute(text.encode())
    except psycopg.Error as error:
        refused = error.sqlstate or "?"
    for change in changes:
        if isinstance(change, Drop) and not change.cascade and len(changes) == 1 and change.kind in DEPENDED:
            needed = catalog.now.dependants(change.kind, change.name, change.part)
            told = ", ".join(map(str, needed))
            assert (refused == "2BP01") is bool(needed) or refused not in {"", "2BP01"}, f"{text}: {refused} {told}"
    if not refused:
        catalog.apply_all(changes)
    return not refused


#: Kinds whose dependants the catalog must know exactly.
DEPENDED = frozenset({"table", "view", "sequence", "type", "function"})


def check(connection: Any, statements: list[str]) -> None:
    """Run the statements in a transaction that is taken back."""
    import psycopg

    with connection.transaction(force_rollback=True):
        catalog = Catalog()
        connection.execute(GROUND.encode())
        catalog.apply_all(changes_of(GROUND))
        catalog.begin()
        done: list[str] = []
        places: list[int] = []
        for statement in statements:
            place = catalog.position
            if run(connection, catalog, statement):
                done.append(statement)
                places.append(place)
        try:
            found = different(told_by_catalog(catalog.now), told_by_server(connection))
        except psycopg.Error as error:  # pragma: no cover - a message for whoever changes the queries
            pytest.fail(f"{error}")
        assert not found, ";\n".join(done) + ";\n" + shown(found)
        undo(connection, catalog, done, places)


def shown(found: dict[tuple[str, str], tuple[Any, Any]]) -> str:
    """Differences, one a line."""
    return "\n".join(f"{' '.join(key)}: {ours} / {theirs}" for key, (ours, theirs) in found.items())


def undo(connection: Any, catalog: Catalog, done: list[str], places: list[int]) -> None:
    """Go back from the last statement as far as its inverse is known; what was before must be there again."""
    import psycopg

    end = len(done)
    down: list[str] = []
    until = [*places[1:], catalog.position]
    for number in reversed(range(end)):
        changes = changes_of(done[number])
        texts = [inverse(change, catalog.view(places[number] + i)) for i, change in enumerate(changes)]
        before, after = (told_by_catalog(catalog.view(at)) for at in (places[number], until[number]))
        if before == after:
            continue
        if not all(texts):
            break
        for text in reversed(texts):
            try:
                with connection.transaction():
                    connection.execute(text.encode())
            except psycopg.Error as error:
                pytest.fail(";\n".join(done) + ";\n-- DOWN\n" + "\n".join([*down, text]) + f"\nrefused: {error}")
            catalog.apply_all(changes_of(text))
            down.append(text)
        actual = told_by_server(connection)
        story = ";\n".join(done) + ";\n-- DOWN\n" + "\n".join(down) + "\n"
        found = different(before, actual)
        assert not found, story + "not as before: " + shown(found)
        folded = different(told_by_catalog(catalog.now), actual)
        assert not folded, story + "folded: " + shown(folded)


@settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), print_blob=False,
    database=None,
)  # fmt: skip
@given(statements=script)
def test_catalog_and_server_agree_on_any_script(connection: Any, statements: list[str]) -> None:
    check(connection, statements)
