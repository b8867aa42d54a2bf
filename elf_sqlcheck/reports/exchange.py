"""What the formats for other programs have in common: order, texts, names of files, fingerprints, replacements."""

from __future__ import annotations

import os
from functools import lru_cache
from hashlib import sha256
from json import dumps
from json.encoder import encode_basestring_ascii

from elf_sqlcheck.baseline import Fingerprints
from elf_sqlcheck.fix import UNSAFE, fits, has_crlf, with_changes
from elf_sqlcheck.git import find_root
from elf_sqlcheck.model import Span
from elf_sqlcheck.record import Record
from elf_sqlcheck.reports import inert
from elf_sqlcheck.reports.terminal import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from elf_sqlcheck.model import Finding
    from elf_sqlcheck.reports import Report

TOOL = "elf-sqlcheck"


class Replacement(Record):
    """Text for a range of bytes of the file `path`."""

    path: str
    span: Span
    text: str


class Root:
    """A folder from which others count paths: the repository's, or the one that a CI system calls its workspace."""

    __slots__ = ("_files", "_folder", "_folders")

    def __init__(self, folder: str) -> None:
        self._folder = os.path.realpath(folder)
        self._folders: dict[str, str] = {}
        self._files: dict[str, str] = {}

    @classmethod
    def of_repository(cls) -> Root:
        """That of the repository of the working folder, which itself is taken outside of any."""
        return cls(find_root(".") or ".")

    def relative(self, path: str) -> str:
        """`path` as seen from the root, with slashes; as it is when it lies elsewhere.

        A file that is a symbolic link keeps its name, as Git knows it; a folder that is one is followed.
        """
        known = self._files.get(path)
        if known is not None:
            return known
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.relpath(os.path.realpath(folder), self._folder)
        inside = os.path.normpath(os.path.join(self._folders[folder], name)).replace(os.sep, "/")
        self._files[path] = path if inside.startswith("../") else inside
        return self._files[path]


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """The findings from errors to notes, those of a severity in their order: readers show only the first."""
    return sorted(findings, key=lambda finding: -finding.severity)


def by_file(report: Report) -> dict[str, list[Finding]]:
    """The findings of each file that was judged, sorted by path; none for files in which all is well."""
    found: dict[str, list[Finding]] = {path: [] for path in report.judged}
    for finding in report.findings:
        found.setdefault(finding.path, []).append(finding)
    return dict(sorted(found.items()))


def paragraphs(finding: Finding) -> str:
    """What is wrong, why, and what to write: a paragraph each, with nothing in them that could forge what is shown.

    No character is left that XML forbids.
    """
    parts = [finding.message]
    if finding.why:
        parts.append(f"Why: {finding.why}")
    if finding.instead:
        parts.append(f"Instead: {finding.instead}")
    return clean("\n".join(parts), keep="\n\t")


def fingerprints(report: Report, root: Root) -> list[str]:
    """One for each of `report.findings`, all different, 64 hexadecimal digits.

    It stays the same while the file keeps its name and the statement its words, wherever in the file that stands. Where
    a rule finds several things in one statement they are numbered.
    """
    statements = Fingerprints(report.sources)
    seen: dict[tuple[str, str, str], int] = {}
    made: list[str] = []
    for finding in report.findings:
        key = root.relative(finding.path), finding.rule, statements.of(finding)
        seen[key] = seen.get(key, 0) + 1
        made.append(sha256("\0".join((*key, str(seen[key]))).encode("utf-8", "surrogateescape")).hexdigest())
    return made


def document(value: Any) -> str:
    """A whole report in JSON, for whoever reads it and for the log that it may go through."""
    return inert.json(laid_out(value)) + "\n"


def laid_out(value: Any, line: str = "\n") -> str:
    """JSON as `dumps` writes it with an indent of 2, in a fifth of the time: the encoder in C cannot indent."""
    inner = f"{line}  "
    if isinstance(value, dict) and value:
        # Nearly all values are texts and numbers: what is called for each of them is what takes the time.
        items = [
            encode_basestring_ascii(item) if type(item) is str else item if type(item) is int else laid_out(item, inner)
            for item in value.values()
        ]
        return _members(tuple(value), line) % tuple(items)
    if isinstance(value, (list, tuple)) and value:
        return f"[{inner}{f',{inner}'.join([laid_out(item, inner) for item in value])}{line}]"
    return encode_basestring_ascii(value) if isinstance(value, str) else dumps(value)


@lru_cache(maxsize=256)  # findings are of few shapes
def _members(names: tuple[str, ...], line: str) -> str:
    """An object with these members, and `%s` in the place of each value."""
    inner = f"{line}  "
    written = f",{inner}".join([encode_basestring_ascii(name).replace("%", "%%") + ": %s" for name in names])
    return f"{{{inner}{written}{line}}}"


class Replacements:
    """Fixes as replacements in the `sources`, of which no more is read for each than it replaces."""

    __slots__ = ("_crlf", "_sources")

    def __init__(self, sources: Mapping[str, bytes]) -> None:
        self._sources = sources
        self._crlf: dict[str, bool] = {}

    def of(self, finding: Finding) -> list[Replacement]:
        """The fix of a finding, one replacement a file: for readers who take each for a proposal of its own.

        What stands between two edits is part of it. None when there is no fix that a program may apply, or it does not
        fit the sources.
        """
        fix = finding.fix
        if fix is None or fix.applicability not in UNSAFE or not fits(fix, finding.path, self._sources):
            return []
        by_path: dict[str, dict[tuple[int, int, str], None]] = {}
        for edit in fix.edits:
            by_path.setdefault(edit.path or finding.path, {})[edit.span.start, edit.span.end, edit.text] = None
        return [self._one(path, changes) for path, changes in by_path.items()]

    def _one(self, path: str, changes: Iterable[tuple[int, int, str]]) -> Replacement:
        data = self._sources[path]
        if path not in self._crlf:
            self._crlf[path] = has_crlf(data)
        start, end = min(change[0] for change in changes), max(change[1] for change in changes)
        moved = [(first - start, last - start, text) for first, last, text in changes]
        text = with_changes(data[start:end], moved, self._crlf[path])
        return Replacement(path, Span(start, end), text.decode("utf-8", "replace"))
