"""The chain of events: each holds the hash of the one before, so what is changed or taken out later shows.

It keeps honest people and mistakes out; whoever owns the tables can write the whole chain anew. The newest hash, which
every run prints, is what a log outside of the database holds against that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.migrate.history import tables

if TYPE_CHECKING:
    from elf_sqlcheck.shared.database import SupabaseExecutor

#: The hash of an event, which is a row called `e`. JSON keeps the fields apart, and jsonb has one text for one value.
HASH = """pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.jsonb_build_array(
    e.position, e.id, e.version, e.action, (extract(epoch FROM e.started_at) * 1000000)::bigint,
    (extract(epoch FROM e.completed_at) * 1000000)::bigint, e.success, e.details, e.previous_hash
)::text, 'UTF8')), 'hex')"""

_BROKEN = f"""
SELECT e.position, e.version, e.action, e.started_at::text AS at, e.hash IS DISTINCT FROM {HASH} AS changed,
       e.previous_hash IS DISTINCT FROM e.expected AS torn, e.position - e.last - 1 AS missing
  FROM (SELECT h.*, pg_catalog.lag(h.hash, 1, '') OVER w AS expected,
               pg_catalog.lag(h.position, 1, 0::bigint) OVER w AS last
          FROM public.migration_history h WHERE h.position IS NOT NULL
        WINDOW w AS (ORDER BY h.position)) e
 WHERE e.hash IS DISTINCT FROM {HASH} OR e.previous_hash IS DISTINCT FROM e.expected OR e.position <> e.last + 1
 ORDER BY e.position
"""  # noqa: S608 - only constants

#: Rows of schema_migrations whose newest event is not there: events were cut off at the end.
_CUT_OFF = """
SELECT m.version, m.name FROM public.schema_migrations m
 WHERE m.metadata ->> 'event' IS NOT NULL
   AND NOT EXISTS (SELECT FROM public.migration_history h WHERE h.hash = m.metadata ->> 'event')
 ORDER BY m.version
"""

#: Rows whose status is not what their newest event left: somebody changed it by hand, which is allowed, and told.
_BY_HAND = """
SELECT m.version, m.name, m.status, h.details ->> 'status' AS left
  FROM public.schema_migrations m
  JOIN public.migration_history h ON h.hash = m.metadata ->> 'event'
 WHERE h.details ->> 'status' IS NOT NULL AND h.details ->> 'status' <> m.status AND m.status <> 'running'
 ORDER BY m.version
"""

_HEAD = "SELECT hash FROM public.migration_history WHERE position IS NOT NULL ORDER BY position DESC LIMIT 1"
_COUNTS = """
SELECT pg_catalog.count(position) AS events, pg_catalog.count(*) - pg_catalog.count(position) AS older
  FROM public.migration_history
"""


@dataclass(frozen=True)
class Checked:
    """What a look at the chain came to.

    `events` are in the chain, `older` were written before there was one; `head` is the newest hash. `problems` are
    sentences about what was tampered with, `by_hand` about statuses that were set without elf-migrate.
    """

    events: int = 0
    older: int = 0
    head: str = ""
    problems: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()


def head(executor: SupabaseExecutor) -> str:
    """Return the hash of the newest event, "" when there is none. Raises DatabaseError."""
    newest = executor.query(_HEAD) if _is_kept(executor) else []
    return str(newest[0]["hash"]) if newest else ""


def _is_kept(executor: SupabaseExecutor) -> bool:
    """Whether the history has the columns of a chain; those of an older elf-migrate have not."""
    return bool(
        executor.query(
            "SELECT true FROM pg_catalog.pg_attribute "
            "WHERE attrelid = pg_catalog.to_regclass('public.migration_history') "
            "AND attname = 'position' AND NOT attisdropped"
        )
    )


def set_by_hand(executor: SupabaseExecutor) -> list[dict[str, Any]]:
    """Return `version`, `name`, `status` and the status that was `left` of what was changed without elf-migrate."""
    return executor.query(_BY_HAND) if _is_kept(executor) else []


def check(executor: SupabaseExecutor, expected: str = "") -> Checked:
    """Compute every hash anew and compare; `expected` is a hash that an earlier run printed.

    Raises:
        UsageError: The tables belong to another tool.
        DatabaseError: The server refused.
    """
    if not tables.are_there(executor) or not _is_kept(executor):
        lost = (f"The event {expected} is not in the history: it is empty.",) if expected else ()
        return Checked(problems=lost)
    problems: list[str] = []
    for row in executor.query(_BROKEN):
        place = f"event {row['position']} ({row['action']} {row['version']}, {row['at']})"
        if row["changed"]:
            problems.append(f"{place} is not as it was written: its hash does not fit what it says.")
        if row["missing"]:
            number = row["missing"]
            problems.append(f"{number} event{' is' if number == 1 else 's are'} missing before {place}.")
        elif row["torn"]:
            problems.append(f"{place} does not follow the event that stands before it.")
    problems += [
        f"the event that brought {row['name']} where it stands is missing from the history."
        for row in executor.query(_CUT_OFF)
    ]
    if expected and not executor.query("SELECT true FROM public.migration_history WHERE hash = %s", (expected,)):
        problems.append(f"the event {expected} is not in the history, and it once was its newest.")
    by_hand = [
        f"{row['name']} is {row['status'].replace('_', ' ')}, and was {row['left'].replace('_', ' ')} when elf-migrate "
        "was last at it: somebody changed that by hand."
        for row in set_by_hand(executor)
    ]
    counts = executor.query(_COUNTS)[0]
    return Checked(counts["events"], counts["older"], head(executor), tuple(problems), tuple(by_hand))
