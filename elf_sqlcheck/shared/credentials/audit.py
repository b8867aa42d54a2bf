"""The audit log beside the vault: who asked for which credential, why, and what became of it; never a value.

One JSON object a line, only ever added at the end. Each holds the hash of the line before, so that a line that was
changed, moved or taken out shows; `mac` is made with a key that is in the vault, so that whoever cannot open the vault
cannot write the log anew either; and the vault remembers how far the log had come, so that it cannot be cut unseen.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import hashlib
import hmac
import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.shared.credentials.files import failed

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Names another file for the log.
VARIABLE = "ELF_CREDENTIALS_AUDIT"
#: What a caller says about itself is cut to this many characters: a line must stay one, and be written at once.
_LONGEST = 300
_BLOCK = 16 * 1024


@dataclass(frozen=True)
class Deed:
    """What is done to which credential, on whose behalf and why."""

    action: str
    name: str = ""
    environment: str = ""
    team: str = ""
    purpose: str = ""


def audit_path(vault: str) -> str:
    """The log of a vault: beside it, unless ELF_CREDENTIALS_AUDIT names another (for a vault on a read-only disk)."""
    named = os.environ.get(VARIABLE, "")
    return os.path.realpath(os.path.expanduser(named)) if named else f"{vault}.audit"


class Audit:
    """The log at a path."""

    def __init__(self, path: str) -> None:
        self.path = path

    def append(self, deed: Deed, outcome: str, key: bytes | None, **more: object) -> tuple[int, str]:
        """Add a line and make it last; returns its number and hash. `key` None leaves it without `mac`.

        Many processes may do so at once. Raises CredentialError; the log is then as it was.
        """
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise failed("write the audit log", self.path, error, VARIABLE) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            end, number, before = _last(descriptor)
            said = {name: _short(value) for name, value in (*vars(deed).items(), *_caller(), *more.items()) if value}
            now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
            line = _sealed({"line": number + 1, "time": now, **said, "outcome": _short(outcome), "before": before}, key)
            _write_at(
                descriptor, end, (json.dumps(line, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
            )
            return number + 1, line["hash"]
        except OSError as error:
            raise failed("write the audit log", self.path, error, VARIABLE) from None
        finally:
            os.close(descriptor)

    def lines(self) -> Iterator[tuple[int, dict[str, Any] | None]]:
        """Each line by its number in the file, from 1; None for what is no line of ours. Raises CredentialError."""
        try:
            with open(self.path, "rb") as file:
                for number, text in enumerate(file, start=1):
                    yield number, _parsed(text)
        except FileNotFoundError:
            return
        except OSError as error:
            raise failed("read the audit log", self.path, error, VARIABLE) from None

    def holds(self, audited: tuple[int, str]) -> bool:
        """Whether that line, by number and hash, is where it was. Raises CredentialError."""
        number, digest = audited
        found = next((line for at, line in self.lines() if at == number), None) if number else None
        return not number or bool(found and found["hash"] == digest == _hash(found))

    def archive(self) -> str:
        """Put the log aside, so that the next line begins a new one; returns its new path, "" when there is none."""
        aside = f"{self.path}.{dt.datetime.now(dt.UTC):%Y%m%d%H%M%S%f}"
        try:
            os.rename(self.path, aside)
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise failed("rename the audit log", self.path, error, VARIABLE) from None
        return aside

    def faults(self, key: bytes | None, audited: tuple[int, str] = (0, "")) -> list[str]:
        """Whatever shows that somebody else has changed the log; [] when it is as it was written.

        Args:
            key: What authenticates the lines; None checks the chain only.
            audited: How far the log had come when the vault was last written.
        """
        found: list[str] = []
        before, count, anchor = "", 0, ""
        for number, line in self.lines():
            if line is None:
                found.append(f"line {number} is none of this program's")
                continue
            count = number
            if line.get("line") != number or line.get("before") != before:
                found.append(f"before line {number} something was taken out, put in or changed")
            if line.get("hash") != _hash(line):
                found.append(f"line {number} was changed")
            elif key is not None and not _is_ours(line, key):
                found.append(f"line {number} was written by somebody who could not open the vault")
            before = str(line.get("hash"))
            anchor = before if number == audited[0] else anchor
        if count < audited[0]:
            found.append(f"the end was cut off: of at least {audited[0]} lines there are {count}")
        elif audited[0] and anchor != audited[1]:
            found.append(f"line {audited[0]} is not the one that the vault remembers")
        return found


#: The outcome of the only lines that are written while the vault is closed.
WITHOUT_KEY = "refused: the vault could not be opened"


def _sealed(line: dict[str, Any], key: bytes | None) -> dict[str, Any]:
    line["hash"] = _hash(line)
    return line if key is None else {**line, "mac": _mac(line, key)}


def _hash(line: dict[str, Any]) -> str:
    bare = {name: value for name, value in line.items() if name not in ("hash", "mac")}
    return hashlib.sha256(json.dumps(bare, sort_keys=True).encode()).hexdigest()


def _mac(line: dict[str, Any], key: bytes) -> str:
    return hmac.new(key, str(line["hash"]).encode(), "sha256").hexdigest()


def _is_ours(line: dict[str, Any], key: bytes) -> bool:
    if "mac" not in line:
        return line.get("outcome") == WITHOUT_KEY
    return hmac.compare_digest(str(line["mac"]).encode(), _mac(line, key).encode())


def _parsed(text: bytes) -> dict[str, Any] | None:
    with contextlib.suppress(ValueError, RecursionError):
        line = json.loads(text)
        if isinstance(line, dict) and isinstance(line.get("hash"), str):
            return line
    return None


def _last(descriptor: int) -> tuple[int, int, str]:
    """Where the next line goes, with the number and the hash of the last one.

    A piece without a line's end is left by a process that was killed while it wrote, before it went on: it is
    written over.
    """
    size = os.fstat(descriptor).st_size
    tail, start = b"", size
    while start > 0:
        start = max(0, start - _BLOCK)
        tail = os.pread(descriptor, size - start, start)
        if tail.count(b"\n") > 1:
            break
    whole = tail[: tail.rfind(b"\n") + 1]
    if not whole:
        return 0, 0, ""
    line = _parsed(whole.rstrip(b"\n").rpartition(b"\n")[2]) or {}
    number = line.get("line")
    return start + len(whole), number if isinstance(number, int) else 0, str(line.get("hash", ""))


def _write_at(descriptor: int, end: int, data: bytes) -> None:
    try:
        os.ftruncate(descriptor, end)
        written = 0
        while written < len(data):
            written += os.pwrite(descriptor, data[written:], end + written)
        os.fsync(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, end)
        raise


def _caller() -> tuple[tuple[str, object], ...]:
    program = os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] else ""
    return (
        ("program", program if program not in ("", "-", "-c", "-m") else "python"),
        ("user", _user()),
        ("pid", os.getpid()),
    )


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _short(value: object) -> object:
    return value[:_LONGEST] if isinstance(value, str) else value
