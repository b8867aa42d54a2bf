"""A second session that looks on at a statement which cannot be rehearsed, because it runs outside transactions.

Such a statement gives its locks back before it ends, so they are looked at again and again while it runs. And so that
it is not over before the first look, the onlooker holds a lock for which it waits until it is seen.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Self

from elf_sqlcheck.postgres.locks import Seen, Sight, held_by, relations, written
from elf_sqlcheck.shared.transaction import roll_back_if_open

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import Connection

    from elf_sqlcheck.postgres.locks import Relation

#: Seconds: at first one look follows the other, then there are pauses.
_EAGER = 0.2
_PAUSE = 0.005


class Onlooker:
    """While it is entered, notes which locks the session `pid` has; then `before` and `after` are what was seen.

    `relations` are those that were there when it was entered. For `tables` the statement is kept waiting until it is
    seen; with none, a quick one may be missed. The connection is another than that of `pid`, in autocommit mode, and
    used by nobody else meanwhile.
    """

    def __init__(self, connection: Connection[dict[str, Any]], pid: int, tables: Sequence[str] = ()) -> None:
        self._connection = connection
        self._pid = pid
        self._tables = tables
        self._modes: dict[int, frozenset[str]] = {}
        self._over = threading.Event()
        self._looked = threading.Event()
        self._thread = threading.Thread(target=self._look, name="elf-sqlcheck onlooker", daemon=True)
        self.relations: dict[int, Relation] = {}
        self.before = self.after = Sight(0.0, 0)

    def __enter__(self) -> Self:
        self.relations = relations(self._connection)
        wal = written(self._connection)
        self._hold()
        self._thread.start()
        self._looked.wait()
        now = time.perf_counter()
        self.before = Sight(now, wal, {}, now, wal)
        return self

    def __exit__(self, *_: object) -> None:
        now = time.perf_counter()
        self._over.set()
        self._thread.join()
        if self._connection.broken:
            return
        roll_back_if_open(self._connection)
        wal = written(self._connection)
        self.after = Sight(now, wal, self._seen(), now, wal)

    def _hold(self) -> None:
        """Take a lock on the tables that goes with none that a statement outside transactions takes."""
        import psycopg

        if not self._tables:
            return
        try:
            self._connection.execute(b"BEGIN")
            text = f"LOCK TABLE {', '.join(self._tables)} IN SHARE UPDATE EXCLUSIVE MODE NOWAIT"
            self._connection.execute(text.encode())
        except psycopg.Error:  # a view, or a table of somebody else's
            roll_back_if_open(self._connection)

    def _look(self) -> None:
        import psycopg

        started = time.perf_counter()
        try:
            while not self._over.is_set():
                for oid, modes in held_by(self._connection, self._pid).items():
                    self._modes[oid] = self._modes.get(oid, frozenset()) | modes
                self._looked.set()
                if self._modes:
                    roll_back_if_open(self._connection)
                if time.perf_counter() - started > _EAGER:
                    self._over.wait(_PAUSE)
        except psycopg.Error:
            self._looked.set()  # the server is gone, and the statement with it: its own session tells

    def _seen(self) -> dict[int, Seen]:
        """What was locked, and whatever has another file than before."""
        now = relations(self._connection)
        changed = {oid for oid, one in now.items() if oid not in self.relations or self.relations[oid].node != one.node}
        found = {}
        for oid in changed | self._modes.keys():
            one = now.get(oid)
            name = (one.schema, one.name) if one else None
            modes = self._modes.get(oid, frozenset())
            found[oid] = Seen(modes, name, one.node if one else None, one.table if one else None, 0)
        return found
