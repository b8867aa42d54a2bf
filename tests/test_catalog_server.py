"""The catalog's own proof: what it says of a schema is what a real server shows after the same statements."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from elf_sqlcheck import sql
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.read import read
from tests.catalog_server import told_by_server
from tests.catalog_words import different, told_by_catalog
from tests.judging import skip_newer

if TYPE_CHECKING:
    from elf_sqlcheck.postgres.server import Server

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parent / "catalog"


def came_with_17(kind: str, ours: dict[str, Any] | None, theirs: dict[str, Any] | None) -> bool:
    """Whether all that differs is the privilege MAINTAIN, or the identity that a partition has from its table."""
    if not ours or not theirs or ours.keys() != theirs.keys():
        return False
    if kind == "privileges":
        return set(ours["granted"]) - set(theirs["granted"]) == {"maintain"}
    return kind == "column" and theirs == {"identity": ""}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.sql")), ids=lambda path: path.stem)
def test_catalog_and_server_agree(path: Path, server: Server, database: str) -> None:
    import psycopg

    data = path.read_bytes()
    skip_newer(data.decode(), server.provider.major)
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
        major = connection.info.server_version // 10000
    found = {
        key: pair
        for key, pair in different(told_by_catalog(catalog.now), actual).items()
        if major >= 17 or not came_with_17(key[0], *pair)
    }
    assert not found, "\n".join(f"{' '.join(key)}: {ours} / {theirs}" for key, (ours, theirs) in found.items())
