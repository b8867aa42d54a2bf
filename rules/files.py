"""The files themselves: their names, headers, sections and bytes (`files_order` judges them among each other)."""

from __future__ import annotations

import re
from os.path import basename

from elf_sqlcheck.rule import (
    Applicability,
    Context,
    Edit,
    Example,
    Finding,
    Fix,
    Migration,
    Rule,
    Section,
    Severity,
    Span,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: The headers, and what stands for words that only the author has.
_REQUIRED = {"Migration": "what it does", "Version": "YYYYMMDD_HHMMSS", "Description": "why, in a sentence"}
_STDIN = ("-", "<stdin>")


def _name(context: Context[Migration]) -> Iterator[Finding]:
    migration = context.migration
    name = basename(migration.path)
    if migration.layout != "elf":
        yield from _problems(context)
        return
    if migration.path in _STDIN:
        return
    version = migration.version
    digits = "".join(character for character in name if character.isdigit())
    if re.fullmatch(r"\d{8}_\d{6}_[a-z0-9][a-z0-9_]*\.sql", name):
        if not _is_date(version):
            message = f"the version {version} in the file's name is no date and time (YYYYMMDD_HHMMSS)"
            yield context.finding(message, whole_file=True)
        return
    words = name.removesuffix(".sql").lower().translate(str.maketrans("- .", "___"))
    slug = "_".join(word for word in words.split("_") if word and not word.isdigit()) or "describe_the_change"
    stamp = f"{digits[:8]}_{digits[8:14].ljust(6, '0')}" if len(digits) >= 8 else version or "YYYYMMDD_HHMMSS"
    yield context.finding(
        f"{name} is not named like a migration (YYYYMMDD_HHMMSS_slug.sql), so its place in the order is not known",
        whole_file=True,
        instead=_moved(migration.path, f"{migration.path.removesuffix(name)}{stamp}_{slug}.sql"),
    )


def _moved(path: str, to: str) -> str:
    from shlex import join

    return join(("git", "mv", path, to))


def _problems(context: Context[Migration]) -> Iterator[Finding]:
    """What the layout found that this rule reports."""
    for problem in context.migration.problems:
        if problem.rule == context.rule.name:
            yield context.finding(
                problem.message, problem.span, whole_file=problem.span is None, instead=problem.instead
            )


def _is_date(version: str) -> bool:
    year, month, day = int(version[:4]), int(version[4:6]), int(version[6:8])
    hour, minute, second = int(version[9:11]), int(version[11:13]), int(version[13:15])
    return year > 1995 and 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 60


def _header_missing(context: Context[Migration]) -> Iterator[Finding]:
    migration = context.migration
    found = {header.key: header for header in migration.headers}
    missing = [key for key in _REQUIRED if key.lower() not in found or not found[key.lower()].value]
    if not missing:
        return
    words = migration.slug.replace("_", " ").strip()
    title = migration.title or words.title()
    values = {"Migration": title, "Version": migration.version, "Description": migration.title or words.capitalize()}
    edits: list[Edit] = []
    lines = ""
    for key in missing:
        line = f"-- {key}: {values[key]}"
        if key.lower() in found:
            edits.append(Edit(found[key.lower()].span, line))
        else:
            lines += line + "\n"
    if lines:
        present = [header for header in migration.headers if header.key in {"migration", "version", "description"}]
        place = _after_line(migration.data, present[-1].span.end) if present else _beginning(migration.data)
        lines += "\n" if not migration.headers and not migration.data[place:].startswith((b"\n", b"\r\n")) else ""
        edits.append(Edit(Span(place, place), lines))
    fix = Fix("add the headers", tuple(edits)) if all(values[key] for key in missing) else None
    names = " and ".join(filter(None, [", ".join(missing[:-1]), missing[-1]]))
    message = f"the {names} header is missing" if len(missing) == 1 else f"the headers {names} are missing"
    span = found[missing[0].lower()].span if missing[0].lower() in found else None
    instead = "\n".join(f"-- {key}: {values[key] or _REQUIRED[key]}" for key in missing)
    yield context.finding(message, span, whole_file=span is None, instead=instead, fix=fix)


def _beginning(data: bytes) -> int:
    return 3 if data.startswith(b"\xef\xbb\xbf") else 0


def _after_line(data: bytes, position: int) -> int:
    end = data.find(b"\n", position)
    return len(data) if end < 0 else end + 1


def _header_mismatch(context: Context[Migration]) -> Iterator[Finding]:
    migration = context.migration
    yield from _problems(context)
    seen: set[str] = set()
    for header in migration.headers:
        if header.key in seen:
            message = f"a second {header.key.capitalize()} header contradicts the one above"
            yield context.finding(message, header.span, instead="keep one of them")
        elif header.key == "version" and header.value and header.value != migration.version:
            line = f"-- Version: {migration.version}"
            yield context.finding(
                f"the header says version {header.value}, the file's name says {migration.version}, which is what counts",
                header.span,
                instead=line,
                fix=Fix("take the version from the file's name", (Edit(header.span, line),)),
            )
        seen.add(header.key)


def _has_content(migration: Migration, section: Section | None) -> bool:
    if section is None:
        return False
    pieces = (broken.piece.start for broken in migration.broken)
    return bool(section.statements) or any(section.span.start <= start < section.span.end for start in pieces)


def _empty(context: Context[Migration]) -> Iterator[Finding]:
    migration = context.migration
    if migration.problems and migration.layout != "elf":
        return  # that it is never run is told already
    if not _has_content(migration, migration.up) and not _has_content(migration, migration.down):
        yield context.finding("this migration holds no statement at all", whole_file=True)


def _comment_only(context: Context[Migration]) -> Iterator[Finding]:
    migration = context.migration
    up, down = _has_content(migration, migration.up), _has_content(migration, migration.down)
    if down and not up:
        message = "the UP section holds no statement: nothing is applied, and rolling back undoes what was never done"
        yield context.finding(message, _marker(migration, migration.up))
    elif up and migration.down is not None and not down and not migration.irreversible:
        message = "the DOWN section holds no statement: rolling back changes nothing and says that it succeeded"
        instead = "" if migration.layout == "elf" else "write what undoes UP"
        yield context.finding(message, _marker(migration, migration.down), instead=instead)


def _marker(migration: Migration, section: Section) -> Span:
    start = migration.data.rfind(b"\n", 0, max(section.span.start - 1, 0)) + 1
    return Span(start, max(section.span.start, start))


#: UTF-8 of U+202A to U+202E and U+2066 to U+2069; see https://trojansource.codes/.
_BIDIRECTIONAL = {bytes((0xE2, 0x80, last)): f"U+{0x2000 + last - 0x80:04X}" for last in range(0xAA, 0xAF)} | {
    bytes((0xE2, 0x81, last)): f"U+{0x2040 + last - 0x80:04X}" for last in range(0xA6, 0xAA)
}


def _encoding(context: Context[Migration]) -> Iterator[Finding]:
    data = context.migration.data
    ascii_only = data.isascii()
    for part in () if ascii_only else context.migration.parts():
        if part.data.startswith((b"\xff\xfe", b"\xfe\xff")):
            span = Span(part.start, part.start) if part.start else None
            yield context.finding("the file is UTF-16, which Postgres cannot read", span, whole_file=not span)
            return
    nul = data.find(b"\0")
    if nul >= 0:
        yield context.finding("a NUL byte: Postgres stops reading the file here", Span(nul, nul + 1))
    if ascii_only:
        return
    try:
        data.decode()
    except UnicodeDecodeError as error:
        message = (
            f"byte 0x{data[error.start]:02X} is no UTF-8; the server would refuse the file or store another letter"
        )
        yield context.finding(message, Span(error.start, error.end))
    for part in context.migration.parts():
        if part.data.startswith(b"\xef\xbb\xbf"):
            span = Span(part.start, part.start + 3)
            fix = Fix("remove the byte order mark", (Edit(span, ""),))
            message = "a byte order mark, on which psql and other tools stumble"
            yield context.finding(message, span, severity=Severity.NOTE, fix=fix)
    if b"\xe2\x80" in data or b"\xe2\x81" in data:
        for mark, name in _BIDIRECTIONAL.items():
            start = data.find(mark)
            while start >= 0:
                span = Span(start, start + 3)
                fix = Fix("remove the control character", (Edit(span, ""),), Applicability.UNSAFE)
                message = f"the control character {name} changes the order in which the text is shown, not the one in which it runs"
                yield context.finding(message, span, fix=fix)
                start = data.find(mark, start + 3)


_HEAD = "-- Migration: Add Notes\n-- Version: 20250121_093000\n-- Description: Notes of a team\n\n"
_UP = "-- ============= UP MIGRATION =============\nCREATE SCHEMA IF NOT EXISTS notes;\n"
_DOWN = "-- ============= DOWN MIGRATION ============\nDROP SCHEMA IF EXISTS notes;\n"
_PATH = "migrations/20250121_093000_add_notes.sql"

FILE_NAME = Rule(
    name="file-name",
    family="files",
    severity=Severity.ERROR,
    summary="a file whose name is not YYYYMMDD_HHMMSS_slug.sql, or not what its tool looks for",
    why="The name is the version: without it the order of the migrations is left to chance, and elf-migrate does not run the file.",
    instead="Rename it; `elf-migrate create` chooses such a name.",
    on=(Migration,),
    check=_name,
    bad=(
        Example("-- finding\n" + _HEAD + _UP + _DOWN, path="migrations/add-notes.sql"),
        Example("-- finding\n" + _HEAD + _UP + _DOWN, path="migrations/20250121_AddNotes.sql"),
        Example("-- finding\n" + _HEAD + _UP + _DOWN, path="migrations/20251321_093000_add_notes.sql"),
    ),
    good=(Example(_HEAD + _UP + _DOWN, path=_PATH), Example(_HEAD + _UP + _DOWN, path="-")),
)

HEADER_MISSING = Rule(
    name="header-missing",
    family="files",
    severity=Severity.ERROR,
    summary="no Migration, Version or Description header",
    why="`elf-migrate list` and `status` show these words; at three in the morning they are what tells one file from another.",
    instead="Put -- Migration, -- Version and -- Description at the top.",
    on=(Migration,),
    check=_header_missing,
    bad=(
        Example(
            "-- finding\n" + _UP + _DOWN,
            path=_PATH,
            fixed="-- Migration: Add Notes\n-- Version: 20250121_093000\n-- Description: Add notes\n\n" + _UP + _DOWN,
        ),
        Example(
            _HEAD.replace("Notes of a team", "-- finding") + _UP + _DOWN,
            path=_PATH,
            fixed=_HEAD.replace("Notes of a team", "Add Notes") + _UP + _DOWN,
        ),
        Example(
            "-- finding\n-- Migration: Add Notes\n" + _UP + _DOWN,
            path=_PATH,
            fixed="-- Migration: Add Notes\n-- Version: 20250121_093000\n-- Description: Add Notes\n" + _UP + _DOWN,
        ),
    ),
    good=(Example(_HEAD + _UP + _DOWN, path=_PATH),),
    layouts=("elf",),
)

HEADER_MISMATCH = Rule(
    name="header-mismatch",
    family="files",
    severity=Severity.ERROR,
    summary="a header or marker that cannot be read, or that contradicts the file's name",
    why="The header is what people read and the name is what is run: where they differ, somebody acts on the wrong one.",
    instead="Let the Version header repeat the file's name, and write dependencies as a JSON list.",
    on=(Migration,),
    check=_header_mismatch,
    bad=(
        Example(_HEAD.replace("093000\n", "090000 -- finding\n") + _UP + _DOWN, path=_PATH, fixed=_HEAD + _UP + _DOWN),
        Example(_HEAD.replace("\n\n", "\n-- Dependencies: 20250120_090000 -- finding\n\n") + _UP + _DOWN, path=_PATH),
        Example(_HEAD.replace("\n\n", "\n-- Version: 20250121_093000 -- finding\n\n") + _UP + _DOWN, path=_PATH),
        Example(_HEAD + _UP + _DOWN + "-- ===== UP MIGRATION ===== -- finding\nSELECT 1;\n", path=_PATH),
    ),
    good=(Example(_HEAD + _UP + _DOWN, path=_PATH),),
)

EMPTY_MIGRATION = Rule(
    name="empty-migration",
    family="files",
    severity=Severity.WARNING,
    summary="a migration without any statement",
    why="It is applied and recorded, and nothing has changed: usually the SQL was never added to the commit.",
    instead="Write the statements, or delete the file while no database has run it.",
    on=(Migration,),
    check=_empty,
    bad=(
        Example("-- finding\n" + _HEAD, path=_PATH),
        Example(
            "-- finding\n" + _HEAD + "-- ==== UP MIGRATION ====\n-- to do\n-- ==== DOWN MIGRATION ====\n;\n", path=_PATH
        ),
    ),
    good=(Example(_HEAD + _UP + _DOWN, path=_PATH),),
)

COMMENT_ONLY_SECTION = Rule(
    name="comment-only-section",
    family="files",
    severity=Severity.WARNING,
    summary="an UP or DOWN section that holds comments or nothing",
    why="A rollback through it reports success and changes nothing; the next UP then runs into what is still there.",
    instead="Write what undoes UP, or say `-- Irreversible: <reason>` in the headers instead of a DOWN section.",
    on=(Migration,),
    check=_comment_only,
    bad=(
        Example(_HEAD + _UP + "-- ==== DOWN MIGRATION ==== -- finding\n-- nothing to do\n", path=_PATH),
        Example(_HEAD + "-- ==== UP MIGRATION ==== -- finding\n\n" + _DOWN, path=_PATH),
    ),
    good=(
        Example(_HEAD + _UP + _DOWN, path=_PATH),
        Example(_HEAD.replace("\n\n", "\n-- Irreversible: rows are gone\n\n") + _UP, path=_PATH),
    ),
)

ENCODING = Rule(
    name="encoding",
    family="files",
    severity=Severity.ERROR,
    summary="bytes that are no UTF-8, NUL, or control characters that hide SQL",
    why="Reviewers see another text than the one that Postgres runs: letters are replaced, the rest after a NUL is lost, or a statement that looks commented out is not.",
    instead="Save the file as UTF-8 without such characters.",
    on=(Migration,),
    check=_encoding,
    bad=(
        Example("SELECT 1; -- \u202e;1 TCELES -- finding", fixed="SELECT 1; -- ;1 TCELES", unsafe=True),
        Example("SELECT 'a\u2066b'; -- finding", fixed="SELECT 'ab';", unsafe=True),
        Example("SELECT 1; -- a\0b -- finding", runs="a NUL byte cannot be sent to Postgres"),
        Example("\ufeffSELECT 1; -- finding", path=_PATH, fixed="SELECT 1;"),
    ),
    good=(Example("SELECT 'Größe, עברית, العربية, 日本語, 🙂';"),),
    sections=("up", "down"),
)

RULES = (FILE_NAME, HEADER_MISSING, HEADER_MISMATCH, EMPTY_MIGRATION, COMMENT_ONLY_SECTION, ENCODING)
