"""Whatever is done to a file, reading and judging it ends, and every place lies inside the file."""

from __future__ import annotations

import glob
import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elf_sqlcheck import layouts, registry
from elf_sqlcheck.lint import lint

FOLDER = os.path.join(os.path.dirname(os.path.dirname(__file__)), "migrations")
SOURCES = []
for _path in sorted(glob.glob(f"{FOLDER}/*.sql")):
    with open(_path, "rb") as _file:
        SOURCES.append(_file.read())
PIECES = [
    b"'", b'"', b"$$", b"$a$", b"--", b"/*", b"*/", b";", b"(", b")", b"\\", b"\\connect x\n", b"\0", b"\xff", b"`",
    b"\xc3\xa9", b"\r\n", b"-- === DOWN MIGRATION ===\n", b"-- elf: allow char-type -- x\n", b"CREATE ", b"\n\\.\n",
    b"BEGIN ATOMIC ", b"COPY t FROM stdin;\n", b"U&'", b"E'\\", b"\xe2\x80\xae", b"-- Dependencies: [\n",
]  # fmt: skip
RULES = registry.select(registry.builtin())


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from(SOURCES))
    start = draw(st.integers(0, len(data)))
    data = data[start : start + draw(st.integers(0, 4000))]
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.sampled_from(PIECES)) + data[at + draw(st.integers(0, 30)) :]
    return data


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_every_file_is_read_and_judged(data: bytes) -> None:
    path = "migrations/20250121_093000_x.sql"
    migration = layouts.read(path, data)
    statements = [s for section in (migration.up, migration.down) if section for s in section.statements]
    spans = [s.span for s in statements] + [b.span for b in migration.broken] + [b.piece for b in migration.broken]
    for finding in lint([migration], RULES).findings:
        spans += [finding.span] if finding.span else []
        spans += [edit.span for edit in finding.fix.edits] if finding.fix else []
    for span in spans:
        assert 0 <= span.start <= span.end <= len(data) + 1, span
