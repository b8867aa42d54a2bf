"""Which tables may lose rows or values in a run: what its statements say, and what the server says hangs on those."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.calls import Routines
from elf_sqlcheck.catalog.ctes import overwritten

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.objects import Name
    from elf_sqlcheck.migrate.deploy import Step
    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.shared.database import SupabaseExecutor

_CASCADING = {"schema", "type", "domain", "extension"}
_AT_RISK = """
WITH RECURSIVE named AS (
  SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'v') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
     AND EXISTS (SELECT FROM ROWS FROM (pg_catalog.unnest(%(schemas)s::text[]), pg_catalog.unnest(%(names)s::text[]))
                        AS w(schema, name)
                  WHERE w.name = c.relname AND coalesce(w.schema, n.nspname) = n.nspname)
), edge AS (
  SELECT inhparent AS origin, inhrelid AS other FROM pg_catalog.pg_inherits
  UNION SELECT confrelid, conrelid FROM pg_catalog.pg_constraint
         WHERE contype = 'f' AND %(written)s
           AND (%(truncated)s OR confupdtype IN ('c', 'n', 'd') OR %(deleted)s AND confdeltype IN ('c', 'n', 'd'))
  UNION SELECT r.ev_class, d.refobjid FROM pg_catalog.pg_rewrite r
          JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
         WHERE %(written)s AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> r.ev_class
), reached AS (
  SELECT oid FROM named UNION SELECT edge.other FROM reached JOIN edge ON edge.origin = reached.oid
)
SELECT c.oid::bigint AS oid FROM reached JOIN pg_catalog.pg_class c USING (oid) WHERE c.relkind IN ('r', 'p')
"""
_SWEPT = """
SELECT c.oid::bigint AS oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND (n.nspname = ANY (%(schema)s) OR EXISTS (
       SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
         JOIN pg_catalog.pg_namespace s ON s.oid = t.typnamespace
         LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
         LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_type'::regclass AND d.deptype = 'e'
              AND d.objid IN (t.oid, e.oid)
         LEFT JOIN pg_catalog.pg_extension x ON x.oid = d.refobjid
        WHERE a.attrelid = c.oid AND NOT a.attisdropped
          AND (s.nspname = ANY (%(schema)s) OR t.typname = ANY (%(type)s) OR e.typname = ANY (%(type)s)
               OR x.extname = ANY (%(extension)s))))
"""


@dataclass
class _Said:
    """What the statements say: (schema, name) of the tables that are reshaped, updated, deleted from and truncated with
    all that refers to them; names of schemas, types and extensions that are dropped with all that is in them (`swept`,
    by kind); and the places of what is known only when it runs.
    """

    reshaped: set[tuple[str | None, str]] = field(default_factory=set)
    updated: set[tuple[str | None, str]] = field(default_factory=set)
    deleted: set[tuple[str | None, str]] = field(default_factory=set)
    truncated: set[tuple[str | None, str]] = field(default_factory=set)
    swept: dict[str, set[str]] = field(default_factory=lambda: {kind: set() for kind in _CASCADING})
    unknown: list[str] = field(default_factory=list)


def at_risk(
    executor: SupabaseExecutor, migrations: Iterable[Migration], steps: Sequence[Step]
) -> tuple[set[int], list[str]]:
    """Return the oids of the tables whose rows or values the steps may destroy, and where that is not known.

    A table is one of them when a statement drops, rewrites, updates, deletes from or truncates it or a part of it, also
    in a function of the `migrations` that it calls; when it is a partition of such a table, is changed by its foreign
    keys, or lies below the view that is written to. The places are such as "migrations/x.sql:12". A name without a
    schema stands for the tables of that name in every schema.

    Raises:
        DatabaseError: The server refused.
    """
    said = _said(migrations, steps)
    found: set[int] = set()
    for names, written, deleted, truncated in (
        (said.reshaped, False, False, False),
        (said.updated, True, False, False),
        (said.deleted, True, True, False),
        (said.truncated, True, True, True),
    ):
        if names:
            listed = sorted(names, key=str)
            named = {"schemas": [schema for schema, _ in listed], "names": [name for _, name in listed]}
            how = {"written": written, "deleted": deleted, "truncated": truncated}
            found |= {row["oid"] for row in executor.query(_AT_RISK, {**named, **how})}
    if any(said.swept.values()):
        types = sorted(said.swept["type"] | said.swept["domain"])
        wanted = {"schema": sorted(said.swept["schema"]), "type": types, "extension": sorted(said.swept["extension"])}
        found |= {row["oid"] for row in executor.query(_SWEPT, wanted)}
    return found, said.unknown


def _said(migrations: Iterable[Migration], steps: Sequence[Step]) -> _Said:
    said = _Said()
    routines = Routines()
    due = {step.migration.version for step in steps}
    for migration in migrations:
        if migration.version not in due:
            routines.read(migration.up, migration.data)
    was: dict[str, str] = {}
    for step in steps:
        for change in routines.read(step.section, step.migration.data):
            if isinstance(change, ch.Rename) and change.part is None and change.kind in {"table", "view"}:
                was[change.to] = was.get(change.name.name, change.name.name)
            elif isinstance(change, ch.SetSchema) and change.kind in {"table", "view"}:
                was.setdefault(change.name.name, change.name.name)
            elif isinstance(change, ch.Execute):
                line = step.migration.position(change.span.start)[0]
                said.unknown.append(f"{step.migration.path_at(change.span.start)}:{line}")
            else:
                _take(change, said, was)
    return said


def _take(change: Change, said: _Said, was: dict[str, str]) -> None:
    """Add what a change says; `was` maps names that the run has given to those that the server still knows."""

    def known(name: Name) -> set[tuple[str | None, str]]:
        # A table that was renamed may have been moved to another schema as well.
        return {(None, was[name.name]), (name.schema, name.name)} if name.name in was else {(name.schema, name.name)}

    for table in overwritten(change.statement):
        said.deleted.update(known(table))
    if isinstance(change, ch.WriteRows):
        if change.kind == "truncate":
            (said.truncated if change.cascade else said.reshaped).update(known(change.table))
        elif change.kind in {"delete", "merge"}:
            said.deleted.update(known(change.table))
        elif change.kind == "update" or "ONCONFLICT_UPDATE" in change.statement.json:
            said.updated.update(known(change.table))
    elif isinstance(change, ch.Drop):
        if change.kind == "table":
            said.reshaped.update(known(change.name))
        elif change.kind in _CASCADING and change.cascade:
            said.swept[change.kind].add(change.name.name)
    elif isinstance(change, (ch.DropColumn, ch.AlterColumnType, ch.SetExpression)):
        said.reshaped.update(known(change.table))
