"""The catalog's own proof: what it says of a schema is what a real server shows after the same statements."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck import sql
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.read import read
from tests.catalog_server import told_by_server
from tests.catalog_words import different, told_by_catalog

if TYPE_CHECKING:
    from elf_sqlcheck.postgres.server import Server

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parent / "catalog"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.sql")), ids=lambda path: path.stem)
def test_catalog_and_server_agree(path: Path, server: Server, database: str) -> None:
    import psycopg

    data = path.read_bytes()
    catalog = Catalog()
    script = sql.parse(data)
    assert not script.broken
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in script.statements:
            text = data[statement.span.start : statement.span.end]
            try:
                connection.execute(text)
            except psycopg.Error as error:
                pytest.fail(f"{text.decode()}\n{error}")
            for change in read(statement, data):
                catalog.apply(change)
        actual = told_by_server(connection)
    found = different(told_by_catalog(catalog.now), actual)
    assert not found, "\n".join(f"{' '.join(key)}: {ours} / {theirs}" for key, (ours, theirs) in found.items())
