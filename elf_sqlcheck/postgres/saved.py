"""States of a throw-away cluster that are kept: what the first migrations of a history made, to begin there next time.

A state is a data directory, copied while nothing is written to it, right after a checkpoint: a server that starts on it
sees what it would see after a crash, and recovers in some ten milliseconds. Only rows of unlogged tables do not survive
that (https://www.postgresql.org/docs/current/sql-createtable.html): a cluster that has such a table must not be kept.
Nothing depends on the states: what cannot be written, read or started is as if it had never been kept.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sys
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.errors import ServerError
from elf_sqlcheck.postgres.folders import cache_folder, published

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import psycopg

    from elf_sqlcheck.postgres.account import Account
    from elf_sqlcheck.postgres.reader import Reading

#: How many states are kept at most, and how many bytes they may take together.
MOST = 8
MOST_BYTES = 1_000_000_000

_FACTS = "state.json"
#: In the format of one Python only.
_SCHEMA = f"schema-{sys.implementation.cache_tag}"

_SEGMENTS = "SELECT redo_wal_file, pg_walfile_name(pg_current_wal_insert_lsn()) FROM pg_control_checkpoint()"

# Of the write-ahead log only the segments from the checkpoint on are needed; the others may be a hundred megabytes.
_COPY = """
set -e
from=$1 to=$2 first=$3 last=$4
mkdir -m 700 "$to"
for entry in "$from"/*; do
  case ${entry##*/} in
    pg_wal | postmaster.pid | postmaster.opts) ;;
    *) cp -R "$entry" "$to/" ;;
  esac
done
mkdir -m 700 "$to/pg_wal" "$to/pg_wal/archive_status"
for segment in "$from"/pg_wal/????????????????????????; do
  name=${segment##*/}
  if [ ! "$name" \\< "$first" ] && [ ! "$name" \\> "$last" ]; then cp "$segment" "$to/pg_wal/"; fi
done
"""


@dataclass(frozen=True)
class State:
    """The first `applied` migrations are in `database`.

    `roles` are those that there were before any of them, `named` those that all migrations of the history name but do
    not make, `made` those of them that were made. `told` is what the migrations are about, for who need not read them
    again; `schema` is what the reader of snapshots knew.
    """

    applied: int
    database: str
    roles: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    told: Any = ()
    schema: bytes = field(default=b"", repr=False)

    @cached_property
    def known(self) -> Reading | None:
        """What the reader of snapshots knew; None when another Python wrote it, so that it has to be read anew."""
        from elf_sqlcheck.postgres.reader import unpack

        with contextlib.suppress(ValueError, EOFError, TypeError):
            return unpack(self.schema)
        return None


class SavedStates:
    """The states of one history: `digests[n]` tells its first n migrations from any others.

    `most` is the number of migrations that a state may hold to be of use. `is_ours` says whether a state that holds the
    first of them began as the history does; it may raise TypeError or ValueError for a state that is broken.
    """

    def __init__(self, digests: Sequence[str], most: int, is_ours: Callable[[State], bool]) -> None:
        self._digests = digests
        self._most = most
        self._is_ours = is_ours
        self._cluster = ""
        self._held: int | None = None

    def longest(self, cluster: str) -> tuple[State, str] | None:
        """Return the state that holds most, and its data directory; None when none is kept.

        `cluster` tells the template that its cluster was made from. The state is not removed until `release`.
        """
        self._cluster = cluster
        base = _base()
        there: dict[str, list[str]] = {}
        for name in os.listdir(base) if base else ():
            there.setdefault(name.partition("-")[0], []).append(f"{base}/{name}")
        for number in range(self._most, 0, -1):
            for folder in there.get(self._key(number), ()):
                with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
                    held = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
                    try:
                        fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
                        state = _read(folder)
                        if state.applied == number and self._is_ours(state):
                            os.utime(folder)
                            self._held, held = held, -1
                            return state, f"{folder}/data"
                    finally:
                        if held >= 0:
                            os.close(held)
        return None

    def release(self) -> None:
        """The state that `longest` found has been copied, or is of no use: others may remove it."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def forget(self, state: State) -> None:
        """Remove a state from which no server starts."""
        self.release()
        folder = self._folder(state)
        if folder is not None:
            _remove(folder)

    def save(self, state: State, data: str, account: Account, connection: psycopg.Connection[Any]) -> bool:
        """Keep the cluster whose data directory is `data`; returns whether it is kept.

        Nobody else than `connection`, which is a superuser's, may be connected.
        """
        from psycopg.rows import tuple_row

        folder = self._folder(state)
        if folder is None:
            return False
        with contextlib.suppress(OSError, ServerError), published(folder, account) as build:
            if build is not None:
                connection.execute("CHECKPOINT")
                with connection.cursor(row_factory=tuple_row) as cursor:
                    segments = cursor.execute(_SEGMENTS).fetchone()
                    assert segments is not None  # noqa: S101 - there is always a checkpoint
                status, output = account.run(["sh", "-c", _COPY, "elf-sqlcheck", data, f"{build}/data", *segments])
                if status != 0:
                    raise OSError(output)
                with open(f"{build}/{_FACTS}", "w", encoding="utf-8") as file:
                    json.dump({**asdict(state), "schema": hashlib.sha256(state.schema).hexdigest()}, file)
                with open(f"{build}/{_SCHEMA}", "wb") as schema:
                    schema.write(state.schema)
            _prune(os.path.dirname(folder), folder)
            return True
        return False

    def _folder(self, state: State) -> str | None:
        base = _base()
        named = hashlib.sha256(repr(state.named).encode()).hexdigest()[:8]
        return os.path.join(base, f"{self._key(state.applied)}-{named}") if base else None

    def _key(self, number: int) -> str:
        return hashlib.sha256(f"{self._cluster} {self._digests[number]}".encode()).hexdigest()[:24]


def _base() -> str | None:
    """The folder of all states; None when there can be none."""
    try:
        base = os.path.join(cache_folder(), "states")
        os.makedirs(base, exist_ok=True)
    except (OSError, ServerError):
        return None
    return base


def _read(folder: str) -> State:
    """Read what is kept beside the data. Raises OSError, ValueError, TypeError or KeyError when it is broken."""
    with open(f"{folder}/{_FACTS}", encoding="utf-8") as file:
        facts = json.load(file)
    with open(f"{folder}/{_SCHEMA}", "rb") as schema:
        known = schema.read()
    if hashlib.sha256(known).hexdigest() != facts["schema"] or not os.path.isfile(f"{folder}/data/PG_VERSION"):
        raise ValueError
    roles, named, made = (tuple(facts[kind]) for kind in ("roles", "named", "made"))
    return State(facts["applied"], facts["database"], roles, named, made, facts["told"], known)


def _prune(base: str, newest: str) -> None:
    """Remove the states that were not used for longest, until the rest is small enough; `newest` stays."""
    with os.scandir(base) as entries:
        states = [
            (entry.stat().st_mtime, _size(entry.path), entry.path)
            for entry in entries
            if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".") and entry.path != newest
        ]
    total, count = _size(newest), 1
    for _, size, path in sorted(states, reverse=True):
        total, count = total + size, count + 1
        if total > MOST_BYTES or count > MOST:
            _remove(path)


def _size(folder: str) -> int:
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.stat(os.path.join(path, name)).st_blocks * 512
    return total


def _remove(folder: str) -> None:
    """Remove a state, unless somebody is about to copy it."""
    with contextlib.suppress(OSError):
        held = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # It must never be found half removed.
            doomed = f"{os.path.dirname(folder)}/.gone-{os.path.basename(folder)}-{os.getpid()}"
            os.rename(folder, doomed)
            shutil.rmtree(doomed, ignore_errors=True)
        finally:
            os.close(held)
        with contextlib.suppress(OSError):
            os.unlink(f"{folder}.lock")
