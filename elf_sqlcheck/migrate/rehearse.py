"""Would it apply? The server's own answer: what is due runs in one transaction, which is rolled back.

It takes the same locks as the real run, so it waits for none for long. What a rollback does not undo stays: sequences
that were drawn from have gone on. See https://www.postgresql.org/docs/current/functions-sequence.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elf_sqlcheck import sql
from elf_sqlcheck.errors import MigrationFailed
from elf_sqlcheck.model import Migration, Section, Span
from elf_sqlcheck.shared.calls import CutShortError, cut_short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.shared.database import SupabaseExecutor

#: What a later migration may trip over because an earlier one was left out: names that are not there.
_MISSING = ("42P01", "42703", "42704", "42883", "3F000")
#: Each begins in a session like new, as it does in the real run.
_BETWEEN = b"\n;RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL;"
_LIMITS = b"SET LOCAL lock_timeout = '%b'; SET LOCAL statement_timeout = '%b';\n"
_NO_LINE_END = re.compile(rb"[^\n]")
LOCK_TIMEOUT = "2s"
STATEMENT_TIMEOUT = "60s"


@dataclass(frozen=True)
class Rehearsed:
    """How one migration fared: `result` is "applies", "fails" or "not tried", `why` a sentence; `error` what failed."""

    migration: Migration
    result: str
    why: str = ""
    error: MigrationFailed | None = None


def rehearse(
    executor: SupabaseExecutor,
    migrations: Sequence[Migration],
    *,
    lock_timeout: str = LOCK_TIMEOUT,
    statement_timeout: str = STATEMENT_TIMEOUT,
) -> list[Rehearsed]:
    """Run the UP sections in their order in a transaction that is rolled back, and say how each fared.

    Those that cannot run in one are left out; so are those after them that miss what they make.

    Raises:
        DatabaseError: The server cannot be asked.
    """
    found: dict[str, Rehearsed] = {}
    left_out: Migration | None = None
    candidates: list[tuple[Migration, bytes]] = []
    for migration in migrations:
        text = _whole(executor, migration, found)
        if text is None:
            left_out = left_out or migration
        else:
            candidates.append((migration, text))
    while candidates:
        failure = _run(executor, candidates, _LIMITS % (lock_timeout.encode(), statement_timeout.encode()))
        if failure is None:
            found.update({one.name: _applies(one) for one, _ in candidates})
            break
        number, error = failure
        migration = candidates[number][0]
        if left_out and left_out.order < migration.order and error.sqlstate in _MISSING:
            why = f"it may need what {left_out.name} makes, which does not run in a transaction"
            found[migration.name] = Rehearsed(migration, "not tried", why)
            del candidates[number]
            continue
        found.update({one.name: _applies(one) for one, _ in candidates[:number]})
        found[migration.name] = Rehearsed(migration, "fails", error.message, error)
        later = Rehearsed(migration, "not tried", f"{migration.name} fails before it")
        found.update({one.name: Rehearsed(one, later.result, later.why) for one, _ in candidates[number + 1 :]})
        break
    return [found[migration.name] for migration in migrations]


def _applies(migration: Migration) -> Rehearsed:
    return Rehearsed(migration, "applies", "its VERIFY section was not asked" if migration.verify else "")


def _whole(executor: SupabaseExecutor, migration: Migration, found: dict[str, Rehearsed]) -> bytes | None:
    """The text of UP that runs in one transaction; else None, and why is noted."""
    try:
        pieces = executor.pieces(migration, migration.up)
    except MigrationFailed as error:
        found[migration.name] = Rehearsed(migration, "fails", error.message, error)
        return None
    if len(pieces) == 1 and pieces[0].in_transaction:
        return _above(migration, pieces[0].span.start) + pieces[0].text(migration)
    how = "each of its statements runs by itself" if len(pieces) > 1 else "it runs outside of a transaction"
    found[migration.name] = Rehearsed(migration, "not tried", how)
    return None


def _run(
    executor: SupabaseExecutor, candidates: Sequence[tuple[Migration, bytes]], limits: bytes
) -> tuple[int, MigrationFailed] | None:
    """Run all as one section; the number of the first that fails, and its error."""
    data = b""
    files: list[tuple[str, int]] = []
    for migration, text in candidates:
        data += (_BETWEEN if files else b"") + limits
        files.append((migration.path_at(migration.up.span.start), len(data)))
        data += text
    section = Section("up", Span(0, len(data)), sql.parse(data).statements, transactional=True)
    joined = Migration("", data, layout="elf", version="rehearsal", slug="", up=section, files=tuple(files))
    try:
        executor.run(joined, section, record=cut_short)
    except CutShortError:
        return None
    except MigrationFailed as error:
        place = error.span.start if error.span else 0
        return max((n for n, (_, start) in enumerate(files) if start <= place), default=0), error
    raise AssertionError("the executor did not ask for the history to be written")


def _above(migration: Migration, end: int) -> bytes:
    """Blanks and line ends for what stands above in the same file, so that lines are counted alike."""
    start = max((start for _, start in migration.files if start <= end), default=0)
    return _NO_LINE_END.sub(b" ", migration.data[start:end])
