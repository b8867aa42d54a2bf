"""Where the name of a type ends, as the parser would say it."""

from __future__ import annotations

import pytest

from elf_sqlcheck.catalog import places

REST = (",", ")", " NOT NULL", "\n  , b int", " /* why */ DEFAULT 1", " -- why\n)", ";", "", ' COLLATE "C"', "::text")
TYPES = (
    "uuid", "VARCHAR(20)", "numeric ( 12 , 2 )", "numeric(12,2)", "text[]", "int [3] []", "app.mood", 'app . "Mood"',
    '"a b"', "double precision", "DOUBLE\n PRECISION", "char varying (3)", "character varying(3)", "time",
    "timestamp(3) with time zone", "timestamp /* x */ without time zone", "timestamptz", "bit varying(8)", "bit(8)",
    "national character(2)", "größe", "_x$1", "money", "characters", "varchar /* long */ (20)", "NVARCHAR(MAX)",
    "numeric(a + 1)", "geometry(Point,4326)", "text--why\n[]",
)  # fmt: skip


@pytest.mark.parametrize("rest", REST)
@pytest.mark.parametrize("name", TYPES)
def test_a_type_ends_where_its_words_and_modifiers_do(name: str, rest: str) -> None:
    data = f"x {name}{rest}".encode()
    assert data[2:].startswith(name.encode())
    assert places.type_name(data, 2).end == len(f"x {name}".encode())
