"""The elf layout: one file `YYYYMMDD_HHMMSS_slug.sql` with headers, an UP, a DOWN and perhaps a VERIFY section.

Headers are the `-- Key: value` comments above the first marker or statement. A marker is a comment line such as
`-- ============= UP MIGRATION =============`: any run of `=` on either side, any case. Without markers the whole file
is the UP section. Whatever is odd about a file becomes a `Problem`; reading never fails.
"""

from __future__ import annotations

from json import loads
from operator import attrgetter
from os.path import basename

from elf_sqlcheck import sql
from elf_sqlcheck.later import later
from elf_sqlcheck.layouts.later import Later
from elf_sqlcheck.model import INTERVAL, TIMEOUTS, Header, Migration, Problem, Section, Span
from elf_sqlcheck.reading import contents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from elf_sqlcheck.model import Broken, Statement
    from elf_sqlcheck.reading import Content

NAME = "elf"
FILE_NAME = later(r"(\d{8}_\d{6})_([a-z0-9][a-z0-9_]*)\.sql\Z")
KEYS = ("migration", "version", "description", "dependencies", "team", "transaction", "irreversible", *TIMEOUTS)
_MARKER = later(rb"(?im)^[ \t]*+--[ \t]*+(=*+)[ \t]*+(UP|DOWN|VERIFY)(?:[ \t]+(MIGRATION))?[ \t]*+(=*+)[ \t]*+\r?$")
_OUR_VERSION = later(rb"(?im)^--[ \t]*version:[ \t]*\d{8}_\d{6}\b")
_HEADER = later(rb"--[ \t]*+([A-Za-z][A-Za-z-]*+)[ \t]*+:[ \t]*+(.*)")


def recognizes(path: str, data: bytes) -> bool:
    """Whether a file is of this layout: by its name, a marker with a rule of `=`, or a version like ours in a header.

    A comment `-- Migration: …` or `-- Down migration` alone does not tell: many write those in files of other layouts.
    """
    if FILE_NAME.match(basename(path)):
        return True
    return _OUR_VERSION.search(data, 0, 2000) is not None or any(
        b"=" in data[start:end] for name, start, end in _markers(data) if name != "verify"
    )


def read(path: str, data: Content) -> Migration:
    """Read one file, when it is needed if its name tells its version; `path` is kept as given."""
    match = FILE_NAME.match(path.rpartition("/")[2])
    if match is None:
        return _whole(path, data if isinstance(data, bytes) else data())
    return Later(_whole, path, data, layout=NAME, version=match[1], slug=match[2], needs=_needs)


def read_all(files: Mapping[str, bytes]) -> list[Migration]:
    """Read the files of a folder, in the order of their versions."""
    found = [read(path, data) for path, data in contents(files)]
    told = all(isinstance(migration, Later) for migration in found)
    return sorted(found, key=attrgetter("name" if told else "order"))  # versions in names are of one length


def _whole(path: str, data: bytes) -> Migration:
    headers = _headers(data)
    values = {header.key: header.value for header in headers}
    problems: list[Problem] = []
    sections, broken = _sections(data, problems)
    match = FILE_NAME.match(basename(path))
    stem = basename(path).removesuffix(".sql")
    version, slug = match.groups() if match else (values.get("version", ""), stem)
    if not match and version and slug.startswith(version):
        slug = slug[len(version) :].lstrip("_-")
    return Migration(
        path,
        data,
        layout=NAME,
        version=version,
        slug=slug,
        up=sections["up"],
        down=sections.get("down"),
        verify=sections.get("verify"),
        title=values.get("migration", ""),
        description=values.get("description", ""),
        dependencies=_dependencies(headers, problems),
        team=values.get("team", ""),
        transactional=_transactional(headers, problems),
        timeouts=_timeouts(headers, problems),
        irreversible=values.get("irreversible", ""),
        headers=headers,
        broken=broken,
        problems=tuple(problems),
    )


def _headers(data: bytes) -> tuple[Header, ...]:
    found: list[Header] = []
    position = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    while position < len(data):
        end = data.find(b"\n", position)
        end = len(data) if end < 0 else end
        line = data[position:end]
        bare = line.strip()
        if bare and not bare.startswith(b"--"):
            break
        if _MARKER.match(line):
            break
        start = position + len(line) - len(line.lstrip())
        match = _HEADER.match(bare)
        if match:
            key = match[1].decode().lower()
            if key in KEYS:
                span = Span(start, start + len(bare))
                found.append(Header(key, match[2].decode("utf-8", "replace"), span))
        position = end + 1
    return tuple(found)


def _needs(data: bytes) -> tuple[str, ...]:
    return _dependencies(_headers(data), [])


def _dependencies(headers: tuple[Header, ...], problems: list[Problem]) -> tuple[str, ...]:
    header = next((header for header in headers if header.key == "dependencies"), None)
    if header is None or header.value.lower() in {"", "none", "[]"}:
        return ()
    try:
        value = loads(header.value)
    except ValueError:
        value = None
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(item.removesuffix(".sql") for item in value)
    problems.append(
        Problem(
            "header-mismatch",
            "the Dependencies header is no JSON list of names, so no dependency is known",
            header.span,
            '-- Dependencies: ["20250120_140000_initial_schema"]',
        )
    )
    return ()


def _transactional(headers: tuple[Header, ...], problems: list[Problem]) -> bool:
    header = next((header for header in headers if header.key == "transaction"), None)
    if header is None:
        return True
    if header.value.lower() not in {"none", "all", "yes"}:
        message = f"the Transaction header says {header.value!r}; the only value that changes anything is `none`"
        problems.append(Problem("header-mismatch", message, header.span, "-- Transaction: none"))
    return header.value.lower() != "none"


def _timeouts(headers: tuple[Header, ...], problems: list[Problem]) -> dict[str, str]:
    found: dict[str, str] = {}
    for header in headers:
        if header.key not in TIMEOUTS:
            continue
        if INTERVAL.match(header.value):
            found[TIMEOUTS[header.key]] = header.value
            continue
        name = header.key.title()
        message = f"the {name} header says {header.value!r}, which is no interval that Postgres knows, so it is ignored"
        problems.append(Problem("header-mismatch", message, header.span, f"-- {name}: 2s"))
    return found


def _markers(data: bytes) -> list[tuple[str, int, int]]:
    """All lines that look like a marker: (section, start of the line, end of the line)."""
    return [
        (match[2].decode().lower(), match.start(), match.end())
        for match in _MARKER.finditer(data)
        if match[1] or match[4] or (match[3] and match[2].lower() != b"verify")
    ]


def section_of(comment: str) -> str:
    """The section that begins below a comment, "" when it is no marker."""
    return next((name for name, *_ in _markers(comment.encode())), "")


def _sections(data: bytes, problems: list[Problem]) -> tuple[dict[str, Section], tuple[Broken, ...]]:
    """Cut the file at its markers and read the statements of each part."""
    candidates = _markers(data)
    whole = sql.parse(data)
    if not candidates:
        return {"up": Section("up", Span(0, len(data)), whole.statements)}, whole.broken
    taken = [statement.span for statement in whole.statements] + [broken.piece for broken in whole.broken]
    inside = any(span.start < start < span.end for _, start, _ in candidates for span in taken)
    # A last statement without a semicolon runs into the next section, as far as the parser of the whole can tell.
    inside = inside or any(broken.kind == "syntax" and broken.span == broken.piece for broken in whole.broken)
    markers, parts = candidates, False
    if inside:
        # A marker may stand in a string, or hide in a last statement that no semicolon ends: ask the scanner.
        found = sql.tokens(sql.text_of(data).encode())
        seen = found[-1].end if found else 0
        true = {data.rfind(b"\n", 0, token.start) + 1 for token in found if token.name == "SQL_COMMENT"}
        markers = [marker for marker in candidates if marker[1] in true or marker[1] > seen]
        parts = True
    spans: dict[str, Span] = {}
    for number, (name, start, end) in enumerate(markers):
        following = markers[number + 1][1] if number + 1 < len(markers) else len(data)
        if name in spans:
            message = f"a second {name.upper()} section begins here; only the first one is ever run"
            problems.append(Problem("header-mismatch", message, Span(start, end), f"keep one {name.upper()} section"))
        else:
            spans[name] = Span(end, following)
    first = markers[0][1] if markers else len(data)
    if "up" not in spans:
        spans["up"] = Span(0, first)
    statements: dict[str, tuple[Statement, ...]] = {}
    broken: tuple[Broken, ...] = () if parts else whole.broken
    for name, span in spans.items():
        if parts:
            script = sql.parse(data, span.start, span.end)
            statements[name] = script.statements
            broken += script.broken
        else:
            statements[name] = tuple(s for s in whole.statements if span.start <= s.span.start < span.end)
    stray = next((s for s in whole.statements if s.span.start < first <= spans["up"].start), None)
    if stray and not parts:
        message = "this statement stands above the first marker, so it belongs to no section and is never run"
        problems.append(Problem("header-mismatch", message, stray.span, "move it below the UP marker"))
    sections = {name: Section(name, span, statements[name]) for name, span in spans.items()}
    return sections, tuple(sorted(broken, key=lambda piece: piece.span.start))
