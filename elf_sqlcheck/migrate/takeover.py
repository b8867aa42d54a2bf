"""Taking over a database that has its schema already: migrations count as applied without being run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elf_sqlcheck.catalog.calls import Routines
from elf_sqlcheck.catalog.entries import Domain, Enum, OtherType, Routine, Sequence, Table, View
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.objects import Name, quoted
from elf_sqlcheck.errors import PlanError
from elf_sqlcheck.migrate import plan
from elf_sqlcheck.migrate.deploy import Options
from elf_sqlcheck.migrate.history import History
from elf_sqlcheck.migrate.lock import deploy_lock
from elf_sqlcheck.shared.session import unheard

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Sequence as Several

    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.shared.database import SupabaseExecutor
    from elf_sqlcheck.shared.session import Note

_RELATIONS = """
SELECT n.nspname AS schema, c.relname AS name,
       ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname !~ '^pg_'
"""
_OTHERS = """
SELECT 'type' AS kind, n.nspname AS schema, t.typname AS name
  FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname !~ '^pg_'
UNION ALL
SELECT 'function', n.nspname, p.proname
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname !~ '^pg_'
"""


@dataclass(frozen=True)
class Takeover:
    """What is adopted: `migrations`, in order, besides those `known` to the history; `missing` is what they make and
    the database lacks, such as "table public.users" or "column public.users.email".
    """

    migrations: tuple[Migration, ...]
    known: tuple[Migration, ...]
    missing: tuple[str, ...]


def takeover(executor: SupabaseExecutor, migrations: Several[Migration], name: str) -> Takeover:
    """Return what taking the database over at the migration called `name` means; changes nothing.

    Raises:
        UsageError: There is no such migration.
        PlanError: There is no order, or one of them is in the history, and not as applied.
        DatabaseError: The server refused.
    """
    states = History(executor).read()
    gone = {word for state in states.values() for word in (state.version, state.name)}
    ordered = plan.order(migrations, gone)
    last = plan.find(ordered, name).order
    before = [migration for migration in ordered if migration.order <= last]
    known = [migration for migration in before if migration.version in states]
    odd = [one for one in known if states[one.version].status not in plan.APPLIED]
    if odd:
        listed = ", ".join(f"{one.name} ({states[one.version].status.replace('_', ' ')})" for one in odd)
        raise PlanError(
            f"The history knows some of these migrations, and not as applied: {listed}.",
            f"When the database has what one makes: elf-migrate repair {odd[0].version} --mark applied; else "
            "`elf-migrate up` runs it.",
        )
    adopted = [migration for migration in before if migration.version not in states]
    missing = sorted(set(_lacking(executor, before))) if adopted else []
    return Takeover(tuple(adopted), tuple(known), tuple(missing))


def adopt(
    executor: SupabaseExecutor,
    migrations: Several[Migration],
    name: str,
    shown: Takeover,
    reason: str,
    *,
    options: Options | None = None,
    note: Note = unheard,
) -> None:
    """Write that what was `shown` counts as applied: all of it or nothing, under the deploy lock.

    Raises:
        PlanError: Something else is to be adopted by now, or less of it is there.
        LockNotObtained: A deployer is at work.
        DatabaseError: The server refused.
    """
    options = options or Options()
    history = History(executor, supabase=options.supabase_history)
    with deploy_lock(executor, options.lock_wait, note) as lock:
        history.prepare()
        if takeover(executor, migrations, name) != shown:
            raise PlanError(
                "The database changed since this was shown: another deployer was at work. Nothing was changed.",
                "Run it again to see what would be done now.",
            )
        lock.check()
        with executor.transaction():
            for migration in shown.migrations:
                history.adopt(migration, reason)


def _lacking(executor: SupabaseExecutor, migrations: Iterable[Migration]) -> Iterator[str]:
    """What the migrations make, as their texts say, and the database has nothing of that name for."""
    catalog, routines = Catalog(), Routines()
    for migration in migrations:
        catalog.begin()
        catalog.apply_all(routines.read(migration.up, migration.data))
    relations = {Name(row["schema"], row["name"]): frozenset(row["columns"]) for row in executor.query(_RELATIONS)}
    others = {(row["kind"], Name(row["schema"], row["name"])) for row in executor.query(_OTHERS)}
    for _, found in catalog.view().objects():
        if isinstance(found, Table | View | Sequence):
            yield from _without_relation(found, relations)
        elif isinstance(found, Enum | Domain | OtherType) and ("type", found.name) not in others:
            yield f"type {found.name}"
        elif isinstance(found, Routine) and ("function", found.name) not in others:
            yield f"function {found.name}"


def _without_relation(found: Table | View | Sequence, relations: dict[Name, frozenset[str]]) -> Iterator[str]:
    there = relations.get(found.name)
    if isinstance(found, Table):
        if found.persistence == "temporary":
            return
        if there is not None:
            columns = [name for name, column in found.columns.items() if column is not None and name not in there]
            yield from (f"column {found.name}.{quoted(column)}" for column in columns)
        elif found.known:
            yield f"table {found.name}"
    elif there is None and not (isinstance(found, Sequence) and found.internal):
        yield f"{'view' if isinstance(found, View) else 'sequence'} {found.name}"
