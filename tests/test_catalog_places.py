"""Where the actions of an ALTER TABLE are said to be, when it has several."""

from __future__ import annotations

import pytest

from elf_sqlcheck import sql
from elf_sqlcheck.catalog import read


def places(text: str) -> list[str]:
    data = text.encode()
    statement = sql.parse(data).statements[0]
    return [data[change.span.start : change.span.end].decode() for change in read.read(statement, data)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ALTER TABLE t DROP a", ["t"]),
        ("ALTER TABLE ONLY s.t DROP a, DROP b;", ["DROP a", "DROP b"]),
        ("ALTER TABLE t\n  DROP a, -- b, c\n  /* d, */ DROP e", ["DROP a", "DROP e"]),
        (
            "ALTER TABLE t ALTER a SET DEFAULT f(1, ','), ALTER b SET DEFAULT $$,$$, ALTER c DROP NOT NULL",
            ["ALTER a SET DEFAULT f(1, ',')", "ALTER b SET DEFAULT $$,$$", "ALTER c DROP NOT NULL"],
        ),
        ('ALTER TABLE "t,u" DROP "a,b", ENABLE ROW LEVEL SECURITY', ['DROP "a,b"', "ENABLE ROW LEVEL SECURITY"]),
        ("ALTER TABLE t ALTER a SET DEFAULT 'ä, ö', DROP b", ["ALTER a SET DEFAULT 'ä, ö'", "DROP b"]),
    ],
)
def test_each_action_has_its_own_place(text: str, expected: list[str]) -> None:
    assert places(text) == expected
