"""The baseline: findings that were there when a project began to be checked, and that are not shown again.

It is a JSON file, one entry a line, sorted, so that two of them compare well:

    {"version": 1, "findings": [
      {"path": "migrations/20240102_101500_orders.sql", "rule": "char-type", "statement": "5f0c2d…", "count": 2}]}

An entry belongs to a rule, a file and a statement, of which only a hash is kept: comments, white space and the case of
keywords do not count, and neither does the line. Whoever edits the statement sees its findings again. Findings about a
file as a whole belong to all of its text. A file that was renamed takes its entries along.
"""

from __future__ import annotations

import os
from hashlib import sha256

from elf_sqlcheck import layouts, sql
from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.finding import is_style
from elf_sqlcheck.later import later
from elf_sqlcheck.model import Severity
from elf_sqlcheck.record import Record
from elf_sqlcheck.suppress import Pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from elf_sqlcheck.model import Finding

VERSION = 1
_DIGITS = 16


class Entry(Record):
    """What findings of a baseline have in common.

    `path` is relative to the baseline's folder, with slashes; `fingerprint` is the hash of the statement.
    """

    path: str
    rule: str
    fingerprint: str


class Covered(Record):
    """What a run has looked at: entries that it covers and does not find are no longer true.

    `judged` are files and `folders` those of which all files were judged, both as entries name them; `running` are
    the names of the rules that ran, `known` those of all that exist.
    """

    judged: frozenset[str]
    folders: frozenset[str]
    running: frozenset[str]
    known: frozenset[str]

    def has(self, entry: Entry, folder: str) -> bool:
        """Whether the run would have found it; `folder` is the baseline's."""
        if entry.rule not in self.running and (entry.rule in self.known or is_style(entry.rule)):
            return False
        gone = os.path.dirname(entry.path) in self.folders and not os.path.exists(os.path.join(folder, entry.path))
        return gone or entry.path in self.judged


class Matched(Record):
    """Findings that are shown, those that the baseline knows, and the entries, with numbers, that were not needed."""

    shown: tuple[Finding, ...]
    known: tuple[Finding, ...]
    unused: Mapping[Entry, int]


class Baseline:
    """The entries of one file, each with the number of findings; `path` is where they are kept."""

    __slots__ = ("_names", "entries", "folder", "path")

    def __init__(self, path: str, entries: Mapping[Entry, int] | None = None) -> None:
        self.path = path
        self.folder = os.path.dirname(os.path.realpath(path))
        self.entries = dict(entries or {})
        self._names: dict[str, str] = {}

    def relative(self, path: str) -> str:
        """A path as entries name it."""
        if path not in self._names:
            folder, name = os.path.split(path)
            inside = os.path.join(os.path.relpath(os.path.realpath(folder), self.folder), name)
            self._names[path] = os.path.normpath(inside).replace(os.sep, "/")
        return self._names[path]

    def match(self, findings: Iterable[Finding], sources: Mapping[str, bytes]) -> Matched:
        """Part the findings that are new from those that the baseline knows; `sources` are the files by path."""
        return self._match(findings, Fingerprints(sources))

    def _match(self, findings: Iterable[Finding], texts: Fingerprints) -> Matched:
        left = dict(self.entries)
        paths = {entry.path for entry in left}
        gone = {path for path in paths if not os.path.exists(os.path.join(self.folder, path))}
        moved: dict[tuple[str, str], list[Entry]] = {}
        for there in left:
            if there.path in gone:
                moved.setdefault((there.rule, there.fingerprint), []).append(there)
        shown: list[Finding] = []
        known: list[Finding] = []
        for finding in findings:
            own = self._entry(finding, texts)
            former = (entry for entry in moved.get((own.rule, own.fingerprint), ()) if left[entry])
            entry: Entry | None = own if left.get(own) else next(former, None)
            if entry is None:
                shown.append(finding)
            else:
                left[entry] -= 1
                known.append(finding)
        return Matched(tuple(shown), tuple(known), {entry: number for entry, number in left.items() if number})

    def renewed(self, findings: Iterable[Finding], sources: Mapping[str, bytes], covered: Covered) -> Baseline:
        """A baseline with these findings, and with those entries that the run has not covered; notes are left out."""
        texts = Fingerprints(sources)
        matched = self._match(findings, texts)
        return self._with((*matched.shown, *matched.known), texts, covered, matched)

    def pruned(self, findings: Iterable[Finding], sources: Mapping[str, bytes], covered: Covered) -> Baseline:
        """The baseline without what no longer occurs; a renamed file is found under its new name."""
        texts = Fingerprints(sources)
        matched = self._match(findings, texts)
        return self._with(matched.known, texts, covered, matched)

    def _with(self, findings: Iterable[Finding], texts: Fingerprints, covered: Covered, matched: Matched) -> Baseline:
        unused = self.unneeded(matched, covered)
        entries = {entry: number for entry, number in matched.unused.items() if entry not in unused}
        for finding in findings:
            if finding.severity >= Severity.WARNING:
                entry = self._entry(finding, texts)
                entries[entry] = entries.get(entry, 0) + 1
        return Baseline(self.path, entries)

    def unneeded(self, matched: Matched, covered: Covered) -> dict[Entry, int]:
        """Entries that no longer occur, as far as the run can tell."""
        return {entry: number for entry, number in matched.unused.items() if covered.has(entry, self.folder)}

    def text(self) -> str:
        """The file's contents."""
        from json import dumps

        ordered = sorted(self.entries.items(), key=lambda item: (item[0].path, item[0].rule, item[0].fingerprint))
        lines = [
            "    " + dumps({"path": e.path, "rule": e.rule, "statement": e.fingerprint, "count": n}, ensure_ascii=False)
            for e, n in ordered
        ]
        found = "[\n" + ",\n".join(lines) + "\n  ]" if lines else "[]"
        return f'{{\n  "version": {VERSION},\n  "findings": {found}\n}}\n'

    def _entry(self, finding: Finding, texts: Fingerprints) -> Entry:
        return Entry(self.relative(finding.path), finding.rule, texts.of(finding))


class Fingerprints:
    """The fingerprints of the statements of files, each read once."""

    __slots__ = ("hashes", "pieces", "sources")

    def __init__(self, sources: Mapping[str, bytes]) -> None:
        self.sources = sources
        self.pieces: dict[str, Pieces] = {}
        self.hashes: dict[tuple[str, int, bool], str] = {}

    def of(self, finding: Finding) -> str:
        """The hash of what a finding is about: its statement, else its line, else the whole file; "" for no file."""
        path, span = finding.path, finding.span
        data = self.sources.get(path)
        if data is None:
            return ""
        if span is None:
            return self._hash(path, -1, data)
        if path not in self.pieces:
            self.pieces[path] = Pieces(layouts.read(path, data, "plain"))
        piece = self.pieces[path].at(span.start)
        if piece is not None:
            return self._hash(path, piece.start, data[piece.start : piece.end], sql=True)
        start, end = data.rfind(b"\n", 0, span.start) + 1, data.find(b"\n", span.start)
        return self._hash(path, start, data[start : len(data) if end < 0 else end])

    def _hash(self, path: str, place: int, text: bytes, *, sql: bool = False) -> str:
        key = path, place, sql
        if key not in self.hashes:
            normal = _normal(text) if sql else b" ".join(text.split())
            self.hashes[key] = sha256(normal).hexdigest()[:_DIGITS]
        return self.hashes[key]


def _normal(data: bytes) -> bytes:
    """The words of a statement, one blank between them, in lower case where Postgres folds them."""
    clean = sql.text_of(data).encode()
    words = [
        clean[start : end + 1] for start, end, name, _ in sql.tokens(clean) if not name.endswith("_COMMENT")
    ]  # fmt: skip
    if not _QUOTED.search(clean):
        return b" ".join(words).lower()
    return b" ".join(word if set(word) & _QUOTES else word.lower() for word in words)


_QUOTES = frozenset(b"'\"$")
_QUOTED = later(rb"['\"$]")


def load(path: str, data: bytes | None = None) -> Baseline:
    """Read a baseline, which holds `data` if that is known; raises UsageError when it cannot be read or is no such."""
    import json

    remedy = "restore it, or delete it and write it anew with `elf-sqlcheck baseline`"
    try:
        if data is None:
            with open(path, "rb") as file:
                data = file.read()
        whole = json.loads(data.decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(
            f"cannot read the baseline {path}: {error.strerror}",
            "write it with `elf-sqlcheck baseline`, or correct the path",
        ) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the baseline {path} is no valid JSON: {error}", remedy) from error
    listed = whole.get("findings") if isinstance(whole, dict) else None
    if not isinstance(listed, list):
        raise UsageError(f'{path} is no baseline: there is no list "findings" in it', remedy)
    if whole.get("version") != VERSION:
        raise UsageError(f"the baseline {path} has the version {whole.get('version')!r}, not {VERSION}", remedy)
    entries: dict[Entry, int] = {}
    for number, item in enumerate(listed, 1):
        entry = _read(item)
        if entry is None or entry in entries:
            fault = "there twice" if entry else "not what it must be"
            raise UsageError(f"the baseline {path} is broken: entry {number} of its findings is {fault}", remedy)
        entries[entry] = item["count"]
    return Baseline(path, entries)


def _read(item: Any) -> Entry | None:
    """The entry that a JSON value says; None when it says none."""
    if not isinstance(item, dict) or item.keys() != {"path", "rule", "statement", "count"}:
        return None
    path, rule, statement, count = (item[key] for key in ("path", "rule", "statement", "count"))
    texts = isinstance(path, str) and isinstance(rule, str) and isinstance(statement, str)
    return Entry(path, rule, statement) if texts and type(count) is int and count > 0 else None
