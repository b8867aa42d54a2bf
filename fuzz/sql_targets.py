"""Targets that read migrations: layouts, suppressions, SQL to schema, derived DOWNs, fixes, reports."""

from __future__ import annotations

import glob
import json
import os
import re
import time
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from bench.yardstick import parse
from elf_sqlcheck import layouts, registry, reports, run, sql, suppress
from elf_sqlcheck.catalog import hearsay
from elf_sqlcheck.catalog.changes import CreateTable
from elf_sqlcheck.catalog.differences import differences
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.proposal import propose
from elf_sqlcheck.catalog.read import read, read_section
from elf_sqlcheck.config import Config
from elf_sqlcheck.lint import lint
from elf_sqlcheck.sources import Folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.catalog.change import Change

_TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PATH = "migrations/20250121_093000_x.sql"
_HEAD = b"-- Migration: X\n-- Version: 20250121_093000\n-- Description: X\n-- ==== UP MIGRATION ====\n"
#: What reading and judging may take, beside parsing, and what it may take anyway.
_TIMES, _FLOOR = 20, 1.0
_RAW = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def corpus() -> list[bytes]:
    """The labelled corpus and our own migrations."""
    found = []
    for path in sorted(glob.glob(f"{_TOP}/tests/corpus/**/*.sql", recursive=True) + glob.glob(f"{_TOP}/migrations/*")):
        with open(path, "rb") as file:
            found.append(file.read())
    return found


def statements() -> list[bytes]:
    """Paragraphs of statements of all kinds, in the manner of Postgres' own regression tests."""
    with open(os.path.join(os.path.dirname(__file__), "statements.sql"), "rb") as file:
        return [part for part in file.read().split(b"\n\n") if part.strip()]


def _changes(data: bytes) -> list[Change]:
    return [change for statement in sql.parse(data).statements for change in read(statement, data)]


class Sql:
    """SQL to changes to a schema, and a whole judgement of it; this and what follows in a time that parsing allows."""

    def __init__(self) -> None:
        self.rules = registry.select(registry.builtin())

    def seeds(self) -> Sequence[bytes]:
        """The labelled corpus, our own migrations, and statements of all kinds."""
        return corpus() + statements()

    def run(self, data: bytes) -> None:
        """Try it, and see what that takes beside parsing it."""
        begun = time.process_time()
        parse(data.decode(errors="replace"))
        parsed = time.process_time() - begun
        self.check(data)
        if (took := time.process_time() - begun) > _FLOOR + _TIMES * parsed:
            raise TimeoutError(f"{took:.1f} s, and parsing {parsed:.3f} s")

    def check(self, data: bytes) -> None:
        """Fold it and judge it; places lie inside the file."""
        catalog = Catalog()
        catalog.apply_all(_changes(data))
        for finding in lint([layouts.read(PATH, data)], self.rules).findings:
            if finding.span and not 0 <= finding.span.start <= finding.span.end <= len(data) + 1:
                raise ValueError(f"{finding.rule} outside of the file")


class Layouts(Sql):
    """Whole folders: an input is cut at its first bytes into names of files and what they hold."""

    NAMES = (
        "20250121_093000_x.sql", "V1__a.sql", "U1__a.sql", "R__a.sql", "1_a.up.sql", "1_a.down.sql", "sqitch.plan",
        "deploy/a.sql", "revert/a.sql", "2025-01-01/up.sql", "2025-01-01/down.sql", "20250121093000_a.sql",
        "current.sql",
        "a\x1b[31m.sql", "\udcff.sql", "V9" + "9" * 400 + "__a.sql", "V1.1__a.sql", ".sql", "committed/000001-a.sql",
    )  # fmt: skip
    LAYOUTS = ("", *sorted(layouts._READERS))

    def check(self, data: bytes) -> None:
        """Read the folder in the layout that it seems to have, and in one that it need not have."""
        pieces = data.split(b";;")
        files = {
            f"migrations/{self.NAMES[(len(piece) + number) % len(self.NAMES)]}": piece
            for number, piece in enumerate(pieces)
        }
        layout = self.LAYOUTS[len(data) % len(self.LAYOUTS)]
        for name in dict.fromkeys(("", layout)):
            lint(layouts.read_all(files, name), self.rules)

    def seeds(self) -> Sequence[bytes]:
        """Files of each tool, several in a folder."""
        marked = [
            b"-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 2;", b"-- migrate:up\nSELECT 1;\n-- migrate:down\n",
            b"%syntax-version=1.0.0\n%project=x\n\na 2025-01-01T00:00:00Z A <a@b> # x",
            b"--! Previous: -\n--! Hash: x\n",
            b"-- +goose StatementBegin\nDO $$ BEGIN END $$;\n-- +goose StatementEnd\n",
        ]  # fmt: skip
        headed = [_HEAD + one for one in (*corpus()[:40], *statements())]
        return [*marked, b";;".join(marked), b";;".join(reversed(marked)), *headed]


class Suppressions(Sql):
    """Headers, comments and suppressions."""

    def seeds(self) -> Sequence[bytes]:
        """Comments of all kinds around a few statements."""
        lines = (
            b"-- elf: allow char-type -- why\n",
            b"/* elf: allow-file all */",
            b"-- elf: allow a, b until 2020-01-01\n",
        )
        return [_HEAD + one + b"CREATE TABLE t (a char(3)); " + two for one in lines for two in lines] + corpus()[:20]

    def check(self, data: bytes) -> None:
        """Read what it allows, and let it allow that."""
        suppress.read(layouts.read(PATH, data))
        super().check(data)


class Inverse(Sql):
    """UP and the DOWN that is said to be proven leave the schema as it was."""

    def check(self, data: bytes) -> None:
        """Split the input at its middle statement: what is there before, and UP."""
        parts = data.split(b";")
        before, data = b";".join(parts[: len(parts) // 2]), b";".join(parts[len(parts) // 2 :])
        catalog = Catalog()
        catalog.apply_all(_changes(before))
        catalog.begin()
        start = catalog.position
        migration = layouts.read("migrations/x.sql", data)
        up = read_section(migration.up, data)
        if any(isinstance(c, CreateTable) and hearsay.is_there(catalog.now, "relation", c.name) for c in up):
            return  # it fails on a server, or leaves the table alone
        catalog.apply_all(up)
        middle = catalog.position
        proposal = propose(migration, up, catalog)
        if catalog.position != middle:
            raise ValueError("the catalog is not where it was")
        if proposal.proven:
            catalog.apply_all(_changes("\n".join(proposal.statements).encode()))
            left = differences(catalog.view(start), catalog.view(middle), catalog.view())
            # A column that is renamed twice under one name fails on a server; of an unknown table, nobody says so.
            if any(difference.known and difference.kind != "renamed" for difference in left):
                raise ValueError("a DOWN that is said to be proven leaves something")


class Fixes(Sql):
    """`lint --fix` twice is what it is once, and no file is broken by it."""

    def __init__(self) -> None:
        super().__init__()
        self.ruleset = run.ruleset(Config())

    def check(self, data: bytes) -> None:
        """Fix, and fix what came out."""
        once = self._fixed(data)
        if len(layouts.read(PATH, once).broken) > len(layouts.read(PATH, data).broken):
            raise ValueError("less of it parses")
        if self._fixed(once) != once:
            raise ValueError("fixing again changes it again")

    def _fixed(self, data: bytes) -> bytes:
        folder = Folder("", {PATH: data}, frozenset({PATH}), layout="elf")
        return run.repair([folder], self.ruleset, Config()).folders[0].files[PATH]


class Reports(Sql):
    """Hostile findings in every format: nothing raw for a terminal, and JSON and XML that can be read."""

    def check(self, data: bytes) -> None:
        """Judge the input and show what was found, under a name that is hostile, too."""
        path = "migrations/20250121_093000_\x1b[2J<&\"'\n\u202e.sql"
        findings = lint([layouts.read(path, data, "elf")], self.rules).findings
        report = reports.Report(tuple(findings), {path: data}, 1, judged=frozenset({path}), rules=tuple(self.rules))
        for name in reports.FORMATS:
            text = reports.render(name, report, reports.Style())
            if _RAW.search(text):
                raise ValueError(f"a control character in {name}")
            _read: Any = {"json": json.loads, "sarif": json.loads, "gitlab": json.loads, "rdjson": json.loads,
                          "junit": ET.fromstring, "checkstyle": ET.fromstring}.get(name)  # fmt: skip
            if _read:
                _read(text)
