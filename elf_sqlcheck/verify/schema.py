"""The session in which snapshots of the stage's database are taken."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import ElfError
from elf_sqlcheck.postgres.reader import SETTINGS, Reader
from elf_sqlcheck.shared.database import SupabaseExecutor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elf_sqlcheck.postgres.reader import Reading
    from elf_sqlcheck.postgres.snapshot import Snapshot


class SchemaReader:
    """Takes snapshots of the database at `url` in a session of its own: those of the migrations are none the wiser.

    `ignore` names tables that are no part of the schema; `known` is what an earlier run on the same data knew. The
    session may be closed at any time; it is opened again when a snapshot is asked for.
    """

    def __init__(self, url: str, ignore: Iterable[str], known: Reading | None = None) -> None:
        self._executor = SupabaseExecutor(url, application_name="elf-sqlcheck reader", settings=SETTINGS)
        self._ignore = frozenset(ignore)
        self._known = known
        self._reader: Reader | None = None
        self._beginning: threading.Thread | None = None

    def begin(self) -> None:
        """Read once while others are at work: the queries are then planned, and large catalogs in memory."""
        self._beginning = threading.Thread(target=self._begin, daemon=True)
        self._beginning.start()

    def snapshot(self, since: Snapshot | None = None) -> Snapshot:
        """Return the schema as it stands; it is read fastest when `since` is a snapshot that it resembles."""
        import psycopg

        self._wait()
        try:
            return self._read(since)
        except psycopg.OperationalError:
            # A migration may end the sessions of all others.
            self.close()
            return self._read(since)

    def dump(self) -> bytes:
        """Return what is known of the schema as it stands, for a later run on the same data."""
        self.snapshot()
        assert self._reader is not None  # noqa: S101 - it has just read
        return self._reader.dump()

    def close(self) -> None:
        """Close the session."""
        self._wait()
        self._executor.close()

    def _begin(self) -> None:
        import psycopg

        try:
            self._read(None)
        except (psycopg.Error, ElfError):  # who needs a snapshot will meet it, too
            with contextlib.suppress(psycopg.Error):
                self._executor.close()

    def _wait(self) -> None:
        if self._beginning is not None:
            self._beginning.join()
            self._beginning = None

    def _read(self, since: Snapshot | None) -> Snapshot:
        connection = self._executor.connection
        if self._reader is None:
            self._reader = Reader(connection, self._ignore, prepare=True)
            if self._known:
                self._reader.load(self._known)
        self._reader.connection = connection
        return self._reader.read(since)
