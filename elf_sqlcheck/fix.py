"""Fixes: edits put into a text, and a text put into its file without ever leaving half of one."""

from __future__ import annotations

import os
from bisect import bisect_right
from io import StringIO
from itertools import pairwise

from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.model import Applicability
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from elf_sqlcheck.model import Finding, Fix

    #: Where a text is replaced, from and to, and by what.
    _Change = tuple[int, int, str]

SAFE = frozenset({Applicability.SAFE})
UNSAFE = frozenset({Applicability.SAFE, Applicability.UNSAFE})


class Applied(Record):
    """A text after one pass. `done` are the findings whose fix is in it; the others have to wait for the next pass."""

    data: bytes
    done: tuple[Finding, ...]


class AppliedFiles(Record):
    """Several texts after one pass, by path; `done` as in `Applied`."""

    files: Mapping[str, bytes]
    done: tuple[Finding, ...]


def apply(data: bytes, findings: Iterable[Finding], allowed: Collection[Applicability] = SAFE) -> Applied:
    """Put the allowed fixes of one file's findings into its bytes; see `apply_all`."""
    found = list(findings)
    path = found[0].path if found else ""
    applied = apply_all({path: data}, found, allowed)
    return Applied(applied.files[path], applied.done)


def apply_all(
    files: Mapping[str, bytes], findings: Iterable[Finding], allowed: Collection[Applicability] = SAFE
) -> AppliedFiles:
    """Put the allowed fixes of findings into the files that they are about.

    A fix is put in whole or not at all, and not when it would meet another: insertions at one place are only taken
    together when they come from one rule. Texts are given the file's own line ends.
    """
    taken = {path: _Taken() for path in files}
    done: list[Finding] = []
    for finding in findings:
        fix = finding.fix
        if fix is None or fix.applicability not in allowed or not fix.edits or not fits(fix, finding.path, files):
            continue
        edits = [(edit.path or finding.path, (edit.span.start, edit.span.end, edit.text)) for edit in fix.edits]
        if not all(change in taken[path].changes for path, change in edits):
            if any(taken[path].meets(change, finding.rule) for path, change in edits):
                continue
            for path, change in edits:
                taken[path].add(change, finding.rule)
        done.append(finding)
    changed = {path: with_changes(data, taken[path].changes, has_crlf(data)) for path, data in files.items()}
    return AppliedFiles(changed, tuple(done))


class _Taken:
    """The changes of one text that will be made, and where: none over another, so their ends are sorted, too."""

    __slots__ = ("changes", "places")

    def __init__(self) -> None:
        self.changes: dict[_Change, None] = {}
        self.places: list[tuple[int, int, str]] = []

    def add(self, change: _Change, rule: str) -> None:
        """Take a change; those at one place are all of one rule."""
        if change not in self.changes:
            self.changes[change] = None
            place = change[0], change[1], rule
            number = bisect_right(self.places, place)
            if not number or self.places[number - 1] != place:
                self.places.insert(number, place)

    def meets(self, change: _Change, rule: str) -> bool:
        """Whether a change is where there is another already."""
        start, end, _ = change
        for number in range(bisect_right(self.places, end, key=_start), 0, -1):
            other_start, other_end, other_rule = self.places[number - 1]
            if other_end < start:
                return False
            if not start == end == other_start == other_end or rule != other_rule:
                return True
        return False


def _start(place: tuple[int, int, str]) -> int:
    return place[0]


def has_crlf(data: bytes) -> bool:
    """Whether most lines of a text end as on Windows."""
    return data.count(b"\r\n") * 2 > data.count(b"\n")


def with_changes(data: bytes, changes: Iterable[_Change], crlf: bool) -> bytes:
    """A text with changes made; the line ends of what is new are those that `crlf` says."""
    pieces: list[bytes] = []
    position = 0
    for start, end, text in sorted(changes, key=lambda change: change[:2]):
        new = text.replace("\r\n", "\n").replace("\n", "\r\n") if crlf else text
        pieces += [data[position:start], new.encode()]
        position = end
    return b"".join([*pieces, data[position:]])


def fits(fix: Fix, path: str, files: Mapping[str, bytes]) -> bool:
    """Whether all edits lie within their files, and none over another."""
    for edit in fix.edits:
        data = files.get(edit.path or path)
        if data is None or not 0 <= edit.span.start <= edit.span.end <= len(data):
            return False
    if len(fix.edits) == 1:
        return True
    places = sorted((edit.path or path, edit.span.start, edit.span.end) for edit in fix.edits)
    return not any(one[0] == other[0] and other[1] < one[2] for one, other in pairwise(places))


def write(path: str, data: bytes, expected: bytes) -> None:
    """Replace a file's contents in one step, keeping its mode and owner; a symbolic link stays one.

    Raises UsageError when the file cannot be written, or no longer holds the `expected` bytes that were judged.
    """
    target = os.path.realpath(path)
    scratch = os.path.join(os.path.dirname(target), f".{os.path.basename(target)}.{os.getpid()}.tmp")
    try:
        with open(target, "rb") as file:
            state = os.fstat(file.fileno())
            if file.read() != expected:
                raise UsageError(f"{path} was changed while it was being fixed, so it was left alone", "run it again")
        if not os.access(target, os.W_OK):
            raise PermissionError(13, "it is write-protected")
        try:
            with open(scratch, "xb") as file:
                os.fchmod(file.fileno(), state.st_mode & 0o7777)
                if (state.st_uid, state.st_gid) != (os.geteuid(), os.getegid()):
                    _give(file.fileno(), state)
                file.write(data)
            os.replace(scratch, target)
        except BaseException:
            if os.path.exists(scratch):
                os.unlink(scratch)
            raise
    except OSError as error:
        from elf_sqlcheck.machine import remedy

        raise UsageError(f"cannot write {path}: {error.strerror}", remedy(error, "check its permissions")) from error


def _give(descriptor: int, state: os.stat_result) -> None:
    """Hand a file to the former owner, where we may."""
    try:
        os.fchown(descriptor, state.st_uid, state.st_gid)
        os.fchmod(descriptor, state.st_mode & 0o7777)
    except PermissionError:
        return


def unified(path: str, before: bytes, after: bytes) -> str:
    """The change as a unified diff that `git apply` and `patch` take; bytes that are no UTF-8 come as surrogates."""
    from difflib import unified_diff

    old, new = (_lines(data) for data in (before, after))
    path = path.lstrip("/")
    lines = unified_diff(old, new, _named(f"a/{path}"), _named(f"b/{path}"))
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _named(path: str) -> str:
    """A path in the head of a diff, quoted as Git does where a line end or another control would end it."""
    if path.isprintable() or not any(character < " " or character == "\x7f" for character in path):
        return path
    special = {'"': '\\"', "\\": "\\\\"}
    shown = (
        f"\\{ord(character):03o}" if character < " " or character == "\x7f" else special.get(character, character)
        for character in path
    )
    return f'"{"".join(shown)}"'


def _lines(data: bytes) -> list[str]:
    """The lines with their ends; only a line feed ends one, unlike in `str.splitlines`."""
    return list(StringIO(data.decode("utf-8", "surrogateescape"), newline="\n"))
