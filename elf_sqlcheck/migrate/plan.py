"""In which order migrations run, and which of them are due: from files and history alone, without a server."""

from __future__ import annotations

import os
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import PlanError, UsageError, closest
from elf_sqlcheck.model import numbers_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from elf_sqlcheck.model import Migration

#: Statuses of schema_migrations that mean: what the migration makes is in the database, or is not wanted there.
APPLIED = ("completed", "skipped")


def order(migrations: Iterable[Migration], known: Collection[str] = ()) -> list[Migration]:
    """Return the migrations in the order in which they run: by version, which every dependency must agree with.

    Args:
        migrations: In any order.
        known: Versions and full names that the database knows though their files are gone.

    Raises:
        PlanError: A version is missing or there twice, or a dependency is missing, later, or part of a circle.
    """
    listed = sorted(migrations, key=lambda migration: migration.order)
    by_name = _by_name(listed)
    graph: dict[str, list[str]] = {}
    for migration in listed:
        needed = [_dependency(migration, name, by_name, known) for name in migration.dependencies]
        graph[migration.version] = [found.version for found in needed if found]
    by_version = {migration.version: migration for migration in listed}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        paths = " needs ".join(by_version[version].path for version in reversed(error.args[1]))
        raise PlanError(f"The dependencies go round in a circle: {paths}.", "Take one of them out.") from None
    for migration in listed:
        later = [by_version[version] for version in graph[migration.version] if migration.is_before(version)]
        if later:
            raise PlanError(
                f"{migration.path} depends on {later[0].path}, which is later and would run after it.",
                "Give the dependent migration a later version, or take the dependency out.",
            )
    return listed


def check(migrations: Iterable[Migration]) -> list[Migration]:
    """Return the migrations in their order, as far as it can be known without a database.

    A dependency that is older than every file may be one that was applied, and whose file was cleared away.

    Raises:
        PlanError: As `order` does.
    """
    listed = list(migrations)
    first = min((migration.version for migration in listed), default="")
    return order(listed, {name for migration in listed for name in migration.dependencies if name < first})


def due(
    ordered: Sequence[Migration],
    statuses: Mapping[str, str],
    *,
    target: str | None = None,
    count: int | None = None,
    allow_out_of_order: bool = False,
) -> list[Migration]:
    """Return the migrations that `up` has to run, in order.

    Args:
        ordered: What `order` returned.
        statuses: The status of each version that the database has a row for.
        target: The last one to run, as a version or a full name.
        count: How many to run at most.
        allow_out_of_order: Run new migrations even when later ones are already applied.

    Raises:
        PlanError: New files are older than what is applied already.
        UsageError: The target is not among the migrations.
    """
    last = find(ordered, target).order if target else None
    waiting = [
        migration
        for migration in ordered
        if statuses.get(migration.version) not in APPLIED and (last is None or migration.order <= last)
    ]
    newest = max((version for version, status in statuses.items() if status in APPLIED), key=numbers_of, default="")
    # One that the history knows was rolled back or failed: running it again is no surprise.
    late = [
        migration
        for migration in waiting
        if migration.is_before(newest)
        and migration.version not in statuses
        and not _names_what_it_needs(migration, ordered, statuses)
    ]
    if late and not allow_out_of_order:
        files = ", ".join(migration.path for migration in late)
        raise PlanError(
            f"Version {newest} is applied already, but these files are older and new: {files}.",
            "Give the files a version later than that; or name in their Dependencies all that they need; or, when "
            "nothing in them depends on the order, run `elf-migrate up --allow-out-of-order`.",
        )
    return waiting[:count]


def _names_what_it_needs(migration: Migration, ordered: Sequence[Migration], statuses: Mapping[str, str]) -> bool:
    """Whether it says what it depends on, and all of that is applied, or runs before it: then no other order counts."""
    before = {name for one in ordered if not migration.is_before(one.version) for name in (one.version, one.name)}
    applied = {version for version, status in statuses.items() if status in APPLIED}
    return bool(migration.dependencies) and all(name in before or name in applied for name in migration.dependencies)


def find(migrations: Iterable[Migration], name: str) -> Migration:
    """Return the migration called `name`: a version, a full name, or the path or name of its file.

    Raises:
        UsageError: There is none; names the nearest one.
    """
    listed = list(migrations)
    path = os.path.normpath(name.strip())
    named = [migration for migration in listed if path in map(os.path.normpath, migration.paths)]
    if named:
        return named[0]
    wanted = name.strip().replace("\\", "/").rpartition("/")[2].removesuffix(".sql")
    wanted = wanted.removesuffix(".up").removesuffix(".down")
    for migration in listed:
        if wanted in (migration.version, migration.name):
            return migration
    known = [known for migration in listed for known in (migration.version, migration.name)]
    near = closest(wanted, known, 0.5)
    remedy = f"Did you mean {near}?" if near else "`elf-migrate list` shows them all."
    raise UsageError(f"There is no migration {name}.", remedy)


def dependants(migration: Migration, others: Iterable[Migration]) -> list[Migration]:
    """Return those of `others` that name `migration` in their dependencies."""
    return [other for other in others if {migration.version, migration.name} & set(other.dependencies)]


def _by_name(listed: Sequence[Migration]) -> dict[str, Migration]:
    found: dict[str, Migration] = {}
    for migration in listed:
        if migration.repeatable:
            raise PlanError(
                f"{migration.path} is to run whenever it changes, and elf-migrate runs each migration once.",
                "Leave it to the tool that it was made for, or write what it does in a migration with a version.",
            )
        if not migration.version:
            named = next((problem.instead for problem in migration.problems if problem.rule == "file-name"), "")
            raise PlanError(
                f"{migration.path} has no version, so its place in the order is not known.",
                named or "Name the file YYYYMMDD_HHMMSS_what_it_does.sql (`elf-migrate create` does that).",
            )
        if migration.version in found:
            raise PlanError(
                f"{found[migration.version].path} and {migration.path} have the same version {migration.version}.",
                "Give one of them a version of its own, in its file name and its Version header.",
            )
        found[migration.version] = migration
        found[migration.name] = migration
    return found


def _dependency(
    migration: Migration, name: str, by_name: Mapping[str, Migration], known: Collection[str]
) -> Migration | None:
    found = by_name.get(name)
    if found is None and name not in known:
        near = closest(name, by_name)
        raise PlanError(
            f"{migration.path} depends on {name}, but there is no such migration.",
            f"Did you mean {near}?" if near else "Add the missing file, or take it out of the Dependencies.",
        )
    return found
