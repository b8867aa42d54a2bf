"""Writing: one statement adds an event to the chain, sets how the migration stands, and keeps its text."""

# ruff: noqa: S608 - only constants of this package are put together; values travel as parameters

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.migrate.checksum import KIND, checksum
from elf_sqlcheck.migrate.history import supabase, texts, who
from elf_sqlcheck.migrate.history.chain import HASH

if TYPE_CHECKING:
    from elf_sqlcheck.errors import DatabaseError
    from elf_sqlcheck.migrate.history.state import State
    from elf_sqlcheck.model import Migration, Section

#: `ms` is what the section took before this statement reached the server; what it took since is known there.
_EVENT = f"""
WITH last AS (
SELECT position, hash FROM public.migration_history WHERE position IS NOT NULL ORDER BY position DESC LIMIT 1
), said AS MATERIALIZED (
SELECT pg_catalog.gen_random_uuid() AS id, %(version)s::text AS version, %(action)s::text AS action,
       pg_catalog.statement_timestamp() - pg_catalog.make_interval(secs => %(ms)s::float8 / 1000) AS started_at,
       pg_catalog.clock_timestamp() AS completed_at, %(success)s::boolean AS success,
       %(details)s::jsonb || pg_catalog.jsonb_build_object('user', session_user, 'execution_time_ms', pg_catalog.round(
           %(ms)s::float8
           + extract(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.statement_timestamp())::float8 * 1000
       )::integer) AS details,
       coalesce((SELECT position FROM last), 0) + 1 AS position, coalesce((SELECT hash FROM last), '') AS previous_hash
), event AS MATERIALIZED (
SELECT e.*, {HASH} AS hash FROM said e
), logged AS (
INSERT INTO public.migration_history
       (id, version, action, started_at, completed_at, success, details, position, previous_hash, hash)
SELECT id, version, action, started_at, completed_at, success, details, position, previous_hash, hash FROM event
)"""

_TEXT = """, kept AS (
INSERT INTO public.migration_texts (version, digest, sql, facts)
VALUES (%(version)s, %(digest)s, %(sql)s, %(facts)s::jsonb) ON CONFLICT DO NOTHING
)"""

#: A key of foreign rows is checked when the statement ends, so the row that the event points at may come after it.
_STATE = """
INSERT INTO public.schema_migrations AS m
       (version, name, description, checksum, status, executed_at, execution_time_ms, error, metadata)
SELECT %(version)s, %(name)s, %(description)s, %(checksum)s, %(status)s, pg_catalog.clock_timestamp(),
       (event.details ->> 'execution_time_ms')::integer, %(error)s,
       %(metadata)s::jsonb || pg_catalog.jsonb_build_object('event', event.hash) FROM event
ON CONFLICT (version) DO UPDATE
   SET name = excluded.name, description = excluded.description, checksum = excluded.checksum,
       status = excluded.status, executed_at = excluded.executed_at, execution_time_ms = excluded.execution_time_ms,
       error = excluded.error, metadata = coalesce(m.metadata, '{}') - %(dropped)s::text[] || excluded.metadata
"""

#: Only what is given changes, and the event that changed it; the version is known already.
_STATUS = """
UPDATE public.schema_migrations m
   SET status = coalesce(%(status)s, m.status), checksum = coalesce(%(checksum)s, m.checksum),
       metadata = coalesce(m.metadata, '{}') - %(dropped)s::text[] || %(metadata)s::jsonb
                  || pg_catalog.jsonb_build_object('event', event.hash)
  FROM event WHERE m.version = %(version)s
"""

#: How far a section got that runs in more than one piece. No event: whether it ends well is not known yet.
RUNNING = """
INSERT INTO public.schema_migrations AS m
       (version, name, description, checksum, status, executed_at, execution_time_ms, error, metadata)
VALUES (%(version)s, %(name)s, %(description)s, %(checksum)s, 'running', pg_catalog.clock_timestamp(), 0, NULL,
        %(metadata)s::jsonb)
ON CONFLICT (version) DO UPDATE
   SET name = excluded.name, description = excluded.description, checksum = excluded.checksum, status = excluded.status,
       executed_at = excluded.executed_at, execution_time_ms = 0, error = NULL,
       metadata = coalesce(m.metadata, '{}') || excluded.metadata
"""
REACHED = """
UPDATE public.schema_migrations
   SET metadata = coalesce(metadata, '{}') || pg_catalog.jsonb_build_object('progress', %(progress)s::jsonb)
 WHERE version = %(version)s
"""

Written = tuple[str, dict[str, Any]]
_PARAMETER = re.compile(r"%\((\w+)\)s")


@functools.cache
def numbered(statement: str) -> tuple[str, tuple[str, ...]]:
    """The statement as PREPARE wants it, `ms` as its first parameter; and how the others are called, in their order."""
    names = tuple(dict.fromkeys(name for name in _PARAMETER.findall(statement) if name != "ms"))
    numbers = {name: f"${number}" for number, name in enumerate(("ms", *names), start=1)}
    return _PARAMETER.sub(lambda found: numbers[found[1]], statement), names


def carried_out(
    migration: Migration,
    section: Section,
    ms: float,
    *,
    status: str,
    action: str = "",
    reason: str = "",
    theirs: bool,
) -> Written:
    """The statement for a section that was carried out (or counts as such: `action`, `reason`), and its parameters.

    `theirs` says whether Supabase's own history is kept, too.
    """
    action = action or section.name
    details = {**_about(migration, section), "status": status, **({"reason": reason} if reason else {})}
    values = {
        **_event(migration.version, action, ms, success=True, details=details),
        **texts.kept(migration),
        **row(migration, status),
        **(supabase.values(migration) if theirs else {}),
        "dropped": ["progress", "forgotten"],
    }
    other = (supabase.INSERT if status in ("completed", "skipped") else supabase.DELETE) if theirs else ""
    return _EVENT + _TEXT + other + _STATE, values


def failed(migration: Migration, section: Section, ms: float, error: DatabaseError) -> Written:
    """The statement for a section that failed. A DOWN that fails leaves the migration as applied as it was."""
    details = {**_about(migration, section), **_failure(migration, section, error)}
    if section.name == "up":
        details["status"] = "failed"
    event = _event(migration.version, section.name, ms, success=False, details=details)
    if section.name != "up":
        return _EVENT + _STATUS, {**event, **_change(None, None, "forgotten")}
    state = {**row(migration, "failed", error.message), "dropped": ["forgotten"]}
    return _EVENT + _TEXT + _STATE, {**event, **texts.kept(migration), **state}


def marked(
    version: str,
    status: str,
    action: str,
    reason: str,
    *,
    metadata: dict[str, Any] | None = None,
    theirs: bool = False,
) -> Written:
    """The statement that sets a status by decision of a person; `theirs` takes it out of Supabase's own history."""
    details = {"who": who.identity(), "reason": reason, "status": status}
    values = {
        **_event(version, action, 0, success=True, details=details),
        **_change(status, metadata, "progress", "forgotten"),
        "their_version": supabase.version_of(version),
    }
    return _EVENT + (supabase.DELETE if theirs else "") + _STATUS, values


def noted(state: State, action: str, reason: str, about: dict[str, Any]) -> Written:
    """The statement for what was done about a migration that leaves it as it stands."""
    details = {"who": who.identity(), "reason": reason, "status": state.status, **about}
    return _EVENT + _STATUS, {**_event(state.version, action, 0, success=True, details=details), **_change()}


def accepted(migration: Migration, reason: str) -> Written:
    """The statement by which a file that was changed after it was executed counts as what was executed."""
    details = {**_about(migration, migration.up), "reason": reason, "status": "completed"}
    values = {
        **_event(migration.version, "accept", 0, success=True, details=details),
        **texts.kept(migration),
        **_change(metadata=_metadata(migration)),
        "checksum": checksum(migration, migration.up),
    }
    return _EVENT + _TEXT + _STATUS, values


def row(migration: Migration, status: str, error: str | None = None) -> dict[str, Any]:
    """The parameters of a row of schema_migrations."""
    return {
        "version": migration.version,
        "name": migration.name,
        "description": migration.description or migration.title,
        "checksum": checksum(migration, migration.up),
        "status": status,
        "error": error,
        "metadata": json.dumps(_metadata(migration)),
    }


def _metadata(migration: Migration) -> dict[str, Any]:
    return {
        "checksum": KIND,
        "down_checksum": checksum(migration, migration.down),
        "tool": "elf-migrate",
        "text": texts.digest(migration),
    }


def _change(status: str | None = None, metadata: dict[str, Any] | None = None, *dropped: str) -> dict[str, Any]:
    """The parameters of _STATUS: what stays as it is, is None; `dropped` are keys of the metadata."""
    return {"status": status, "checksum": None, "metadata": json.dumps(metadata or {}), "dropped": list(dropped)}


def _event(version: str, action: str, ms: float, *, success: bool, details: dict[str, Any]) -> dict[str, Any]:
    return {"version": version, "action": action, "ms": ms, "success": success, "details": json.dumps(details)}


def _about(migration: Migration, section: Section) -> dict[str, Any]:
    return {
        "name": migration.name,
        "file": migration.path_at(section.span.start),
        "text": texts.digest(migration),
        "checksum": checksum(migration, section),
        "checksums": {one.name: checksum(migration, one) for one in (migration.up, migration.down) if one},
        "who": who.identity(),
    }


def _failure(migration: Migration, section: Section, error: DatabaseError) -> dict[str, Any]:
    found: dict[str, Any] = {"error": error.message}
    span = getattr(error, "span", None)
    if span is not None:
        number = sum(1 for statement in section.statements if statement.span.start <= span.start)
        found["statement"] = {"number": number, "line": migration.position(span.start)[0]}
    for key in ("sqlstate", "completed"):
        if value := getattr(error, key, None):
            found[key] = value
    return found
