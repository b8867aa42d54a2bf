"""The layout of goose: one file with lines `-- +goose Up`, `Down`, `StatementBegin`, `StatementEnd`, `NO TRANSACTION`.

goose cuts the text at lines that end with a semicolon, unless StatementBegin and StatementEnd stand around them.
https://pressly.github.io/goose/documentation/annotations/
"""

from __future__ import annotations

import re
from functools import partial
from os.path import basename

from elf_sqlcheck import sql
from elf_sqlcheck.later import later
from elf_sqlcheck.layouts.building import MARKING, line_end, stray, without_placeholders
from elf_sqlcheck.layouts.later import Later
from elf_sqlcheck.model import Migration, Problem, Section, Span
from elf_sqlcheck.reading import contents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from elf_sqlcheck.model import Broken, Statement
    from elf_sqlcheck.reading import Content

NAME = "goose"
_FILE_NAME = later(r"([0-9]+)_(.*)\.sql\Z")
_MARKER = later(rb"(?im)^([ \t]*)--[ \t]*\+goose[ \t]+(\S(?:.*[^ \t\r\n])?)[ \t\r]*$")
_SECTIONS = {"up", "down"}
_BLOCKS = {"statementbegin", "statementend"}
_OTHERS = {"no transaction", "envsub on", "envsub off", "envsubst on", "envsubst off"}
_INSTEAD = "-- +goose Up\n-- what the migration does\n\n-- +goose Down\n-- what undoes it"
_WRAPPED = "-- +goose StatementBegin\n…\n-- +goose StatementEnd"


def recognizes(data: bytes) -> bool:
    """Whether a file holds an annotation of goose."""
    return b"+goose" in data and _MARKER.search(data) is not None


def read_all(files: Mapping[str, bytes]) -> list[Migration]:
    """Read the files of a folder."""
    return [_read(path, data) for path, data in contents(files)]


def _read(path: str, data: Content) -> Migration:
    name = _FILE_NAME.match(basename(path))
    if name is None:
        message = f"goose does not know {basename(path)} as a migration: its name begins with no version and underscore"
        return stray(NAME, path, data, message, "rename it YYYYMMDDHHMMSS_what_it_does.sql (`goose create` does that)")
    version, slug = name.groups()
    read = partial(_whole, version=version, slug=slug)
    return Later(read, path, data, layout=NAME, version=version, slug=slug)


def _whole(path: str, data: bytes, version: str, slug: str) -> Migration:
    annotations = [(m, " ".join(m[2].decode("utf-8", "replace").lower().split())) for m in _MARKER.finditer(data)]
    problems = list(_unknown(annotations))
    true = [(m, word) for m, word in annotations if not m[1]]
    transactional = all(word != "no transaction" for _, word in true)
    places = [(m, word) for m, word in true if word in _SECTIONS]
    sections: dict[str, Section] = {}
    broken: tuple[Broken, ...] = ()
    if not places and data.strip():
        problems.append(Problem(MARKING, "there is no `-- +goose Up`, without which goose refuses it", None, _INSTEAD))
    for number, (marker, word) in enumerate(places):
        if word in sections or (word == "down" and not number):
            what = f"a second `-- +goose {word.capitalize()}`" if word in sections else "`-- +goose Down` above Up"
            problems.append(Problem(MARKING, f"{what}: goose refuses the file", Span(*marker.span()), _INSTEAD))
            if word in sections:
                continue
        start = line_end(data, marker.end())
        end = places[number + 1][0].start() if number + 1 < len(places) else len(data)
        script = sql.parse(without_placeholders(data), start, end)
        section = Section(word, Span(start, end), script.statements)
        sections[word] = section
        broken += script.broken
        problems += _blocks(data, section, true)
    return Migration(
        path,
        data,
        layout=NAME,
        version=version,
        slug=slug,
        up=sections.get("up") or Section("up", Span(0, 0)),
        down=sections.get("down"),
        transactional=transactional,
        broken=broken,
        problems=tuple(problems),
    )


def _unknown(annotations: list[tuple[re.Match[bytes], str]]) -> Iterator[Problem]:
    for marker, word in annotations:
        if marker[1]:
            message = "goose passes over an annotation with blanks before it"
            yield Problem(MARKING, message, Span(*marker.span()), "let it begin the line")
        elif word not in _SECTIONS | _BLOCKS | _OTHERS:
            message = f"goose knows no annotation {marker[2].decode('utf-8', 'replace')!r}"
            yield Problem(MARKING, message, Span(*marker.span()), "-- +goose " + _nearest(word))


def _nearest(word: str) -> str:
    from elf_sqlcheck.errors import closest

    known = {"up": "Up", "down": "Down", "statementbegin": "StatementBegin", "statementend": "StatementEnd"}
    return known.get(closest(word.replace(" ", ""), known, 0.5), "NO TRANSACTION")


def _blocks(data: bytes, section: Section, annotations: list[tuple[re.Match[bytes], str]]) -> Iterator[Problem]:
    """StatementBegin and StatementEnd that do not match, and statements that goose would cut in two."""
    begun: re.Match[bytes] | None = None
    blocks: list[Span] = []
    for marker, word in annotations:
        if word not in _BLOCKS or not section.span.start <= marker.start() < section.span.end:
            continue
        if (word == "statementbegin") == (begun is not None):
            what = "a second StatementBegin before its StatementEnd" if begun else "StatementEnd without StatementBegin"
            yield Problem(MARKING, f"{what}: goose refuses the file", Span(*marker.span()), _WRAPPED)
        if begun is not None and word == "statementend":
            blocks.append(Span(begun.start(), marker.end()))
        begun = marker if word == "statementbegin" else None
    if begun is not None:
        message = "StatementBegin without StatementEnd: goose refuses the file"
        yield Problem(MARKING, message, Span(*begun.span()), _WRAPPED)
        blocks.append(Span(begun.start(), section.span.end))
    for statement in section.statements:
        if any(block.start <= statement.span.start < block.end for block in blocks):
            continue
        cut = _cut(data, statement)
        if cut:
            message = "goose ends the statement at this semicolon, because its line ends there, and sends half of it"
            yield Problem(MARKING, message, cut, _WRAPPED)
    last = section.statements[-1].span if section.statements else None
    if last and not any(block.start <= last.start < block.end for block in blocks):
        rest = sql.tokens(sql.text_of(data[last.end : section.span.end]).encode())
        if not any(token.name == "ASCII_59" for token in rest):
            yield Problem(MARKING, "no semicolon ends the last statement: goose refuses the file", last, "add `;`")


def _cut(data: bytes, statement: Statement) -> Span | None:
    """The first semicolon at the end of a line within a statement, None when there is none."""
    start, end = statement.span.start, statement.span.end
    position = data.find(b"\n", start, end)
    while position >= 0:
        line = data[data.rfind(b"\n", 0, position) + 1 : position]
        words = line.partition(b" --")[0].split()
        if words and not words[0].startswith(b"--") and words[-1].endswith(b";"):
            place = position - len(line) + line.find(b";", max(line.partition(b" --")[0].rstrip().rfind(b";"), 0))
            return Span(place, place + 1)
        position = data.find(b"\n", position + 1, end)
    return None
