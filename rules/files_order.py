"""The files among each other: versions, dependencies, and what the main branch already has.

What the main branch has comes in the settings, as the paths of the run: `main-files` maps those that differ or are gone
to their bytes there, `main-deleted` are those that are gone, `main-added` those that it lacks, `main-newest` its newest
version. Without them (no Git, no main branch) nothing is said about it.
"""

from __future__ import annotations

from os.path import basename, dirname

from elf_sqlcheck.rule import (
    Applicability,
    Context,
    Edit,
    Example,
    Finding,
    Fix,
    Migration,
    Rule,
    Severity,
    Span,
    code_of,
    nearest,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_STDIN = ("-", "<stdin>")


def _duplicate_version(context: Context[Migration]) -> Iterator[Finding]:
    migration = context.migration
    if not migration.version or migration.layout == "prisma":  # Prisma goes by the whole name of the folder
        return
    for other in context.beside():
        if other is None or not other.version or other.order[:2] != migration.order[:2]:
            continue
        if migration.layout == "elf" and dirname(other.path) != dirname(migration.path):
            continue
        yield context.finding(
            f"version {migration.version} is also that of {_called(other)}: only one of the two would ever be applied",
            whole_file=True,
            instead=f"give {_called(migration)} a later version, in its name"
            + (" and its header" if migration.layout == "elf" else ""),
        )
        return


def _called(migration: Migration) -> str:
    """What people call the migration: its file, or its folder where each has one."""
    name = basename(migration.path)
    return basename(dirname(migration.path)) if name in {"up.sql", "down.sql"} else name


def _dependency_place(context: Context[Migration], dependency: str) -> Span | None:
    header = next((header for header in context.migration.headers if header.key == "dependencies"), None)
    if header is None:
        return None
    at = context.text(header.span).find(dependency)
    if at < 0:
        return header.span
    start = header.span.start + len(context.text(header.span)[:at].encode())
    return Span(start, start + len(dependency.encode()))


def _missing_dependency(context: Context[Migration]) -> Iterator[Finding]:
    for dependency in context.migration.dependencies:
        if not dependency or context.number_of(dependency) >= 0 or context.migration.path in _STDIN:
            continue
        near = nearest(
            dependency, [sibling.name for sibling in context.siblings if sibling.path != context.migration.path]
        )
        span = _dependency_place(context, dependency)
        fix = None
        if near and span and "\n" not in context.text(span):
            fix = Fix(f"name {near}", (Edit(span, near),), Applicability.UNSAFE)
        yield context.finding(
            f"it depends on {dependency}, and there is no such migration",
            span,
            whole_file=span is None,
            instead=f'-- Dependencies: ["{near}"]' if near else "name a version or a full name that is in the folder",
            fix=fix,
        )


def _later_dependencies(context: Context[Migration]) -> Iterator[tuple[str, Migration]]:
    """Dependencies that come after this migration, or are itself: every cycle has one of them."""
    migration = context.migration
    for dependency in migration.dependencies:
        found = context.number_of(dependency) if dependency else -1
        other = context.run[found]
        if found >= 0 and other.order >= migration.order:
            yield dependency, other


def _path(context: Context[Migration], start: Migration) -> list[Migration]:
    """The shortest way from `start` back to the present migration along dependencies; empty when there is none."""
    ways = [[start]]
    seen = {start.name}
    while ways:
        way = ways.pop(0)
        if way[-1].path == context.migration.path:
            return way
        for dependency in way[-1].dependencies:
            number = context.number_of(dependency)
            if number >= 0 and context.siblings[number].name not in seen:
                seen.add(context.siblings[number].name)
                ways.append([*way, context.siblings[number]])
    return []


def _dependency_cycle(context: Context[Migration]) -> Iterator[Finding]:
    for dependency, other in _later_dependencies(context):
        way = _path(context, other)
        if way:
            chain = " → ".join(migration.name for migration in (context.migration, *way))
            message = f"it depends on itself: {chain}" if len(way) > 1 else "it names itself as its dependency"
            span = _dependency_place(context, dependency)
            yield context.finding(message, span, whole_file=span is None)


def _dependency_later(context: Context[Migration]) -> Iterator[Finding]:
    for dependency, other in _later_dependencies(context):
        if not _path(context, other):
            span = _dependency_place(context, dependency)
            message = f"it depends on {other.name}, which has a later version and would be applied after it"
            yield context.finding(message, span, whole_file=span is None)


def _code(data: bytes) -> list[tuple[str, int]]:
    """What Postgres sees of a file: its words without comments, and where its sections begin, each with its place."""
    found: list[tuple[str, int]] = []
    for text, start in code_of(data):
        if not text.startswith(("--", "/*")):
            found.append((text, start))
        elif text.strip("-= \t\r").upper() in {"UP", "DOWN", "UP MIGRATION", "DOWN MIGRATION"}:
            found.append(("", start))
    return found


def _text(code: list[tuple[str, int]]) -> list[str]:
    return [text for text, _ in code]


def _executed_changed(context: Context[Migration]) -> Iterator[Finding]:
    migration = context.migration
    main = context.settings.get("main-files")
    if not main:
        return
    if context.first:
        for path in context.settings.get("main-deleted", ()):
            yield _gone(context, path, main.get(path, b"")).replace(path=path)
    for part in () if migration.repeatable else migration.parts():
        before = main.get(part.path)
        if before is None or before == part.data:
            continue
        old, new = _code(before), _code(part.data)
        if _text(old) == _text(new):
            continue
        pairs = zip(old, new, strict=False)
        place = next((b[1] for a, b in pairs if a[0] != b[0]), len(part.data.rstrip()) - 1)
        start = part.start + max(place, 0)
        message = f"{basename(part.path)} is on the main branch already and says something else here"
        yield context.finding(message, Span(start, start + 1))


def _gone(context: Context[Migration], path: str, data: bytes) -> Finding:
    code = _text(_code(data))
    heir = next((sibling for sibling in context.siblings if code and _text(_code(sibling.data)) == code), None)
    if heir:
        from shlex import join

        message = f"{basename(path)} was renamed to {basename(heir.path)}: databases that ran it would run it once more"
        return context.finding(message, whole_file=True, instead=join(("git", "mv", heir.path, path)))
    message = (
        f"{basename(path)} is on the main branch and is deleted here: databases that ran it no longer match the folder"
    )
    return context.finding(message, whole_file=True, instead=f"git checkout main -- {path}")


def _out_of_order(context: Context[Migration]) -> Iterator[Finding]:
    migration = context.migration
    newest = context.settings.get("main-newest", "")
    if not newest or not migration.version or not migration.is_before(newest):
        return
    if migration.path not in context.settings.get("main-added", ()):
        return
    names = {migration.name, migration.version}
    if any(names.intersection(sibling.dependencies) for sibling in context.siblings):
        return
    yield context.finding(
        f"version {migration.version} is older than {newest}, which the main branch has: it would be applied late or refused",
        whole_file=True,
    )


_PATH = "migrations/20250121_093000_add_notes.sql"
_HEAD = "-- Migration: Add Notes\n-- Version: 20250121_093000\n-- Description: Notes of a team\n"
_BODY = "\n-- ============= UP MIGRATION =============\n{up}\n-- ============= DOWN MIGRATION ============\nDROP SCHEMA IF EXISTS notes;\n"
_NOTES = _BODY.format(up="CREATE SCHEMA IF NOT EXISTS notes;")
_BASE = "CREATE SCHEMA IF NOT EXISTS base;"
#: The version of what `before` of an example becomes.
_EARLIER = "20250101_000000"


def _depends(*names: str) -> str:
    return "-- Dependencies: [" + ", ".join(f'"{name}"' for name in names) + "]"


DUPLICATE_VERSION = Rule(
    name="duplicate-version",
    family="files",
    severity=Severity.ERROR,
    summary="two migrations with one version",
    why="The history holds one row a version: after the first is applied, the second counts as done and never runs.",
    instead="Give one of them a later version.",
    on=(Migration,),
    check=_duplicate_version,
    bad=(Example("-- finding\n" + _HEAD + _NOTES, path=_PATH.replace("20250121_093000", _EARLIER), before=_BASE),),
    good=(Example(_HEAD + _NOTES, path=_PATH, before=_BASE),),
)

MISSING_DEPENDENCY = Rule(
    name="missing-dependency",
    family="files",
    severity=Severity.ERROR,
    summary="a dependency that no migration has as its version or name",
    why="The deploy stops before it begins, for everyone, until the name is right.",
    instead="Name a version or a full name that is in the folder.",
    on=(Migration,),
    check=_missing_dependency,
    bad=(
        Example(_HEAD + _depends("20250119_080000_not_there") + " -- finding\n" + _NOTES, path=_PATH),
        Example(_HEAD + _depends(_EARLIER, "20250101_000001") + " -- finding\n" + _NOTES, path=_PATH, before=_BASE),
    ),
    good=(
        Example(_HEAD + _depends(_EARLIER) + "\n" + _NOTES, path=_PATH, before=_BASE),
        Example(_HEAD + "-- Dependencies: []\n" + _NOTES, path=_PATH),
    ),
)

DEPENDENCY_CYCLE = Rule(
    name="dependency-cycle",
    family="files",
    severity=Severity.ERROR,
    summary="migrations that depend on each other in a circle",
    why="There is no order in which they could be applied, so none of them is.",
    instead="Let the later one depend on the earlier one only; move what both need into a third.",
    on=(Migration,),
    check=_dependency_cycle,
    bad=(Example(_HEAD + _depends("20250121_093000_add_notes") + " -- finding\n" + _NOTES, path=_PATH),),
    good=(Example(_HEAD + _depends(_EARLIER) + "\n" + _NOTES, path=_PATH, before=_BASE),),
)

DEPENDENCY_LATER = Rule(
    name="dependency-later",
    family="files",
    severity=Severity.ERROR,
    summary="a dependency on a migration with a later version",
    why="Migrations run in the order of their versions, so what this one needs is not there yet.",
    instead="Rename this migration to a version after the one that it needs.",
    on=(Migration,),
    check=_dependency_later,
    bad=(
        Example(
            _HEAD + _depends(_EARLIER) + " -- finding\n" + _NOTES,
            path=_PATH.replace("20250121_093000", "20241231_235900"),
            before=_BASE,
        ),
    ),
    good=(Example(_HEAD + _depends(_EARLIER) + "\n" + _NOTES, path=_PATH, before=_BASE),),
)

EXECUTED_MIGRATION_CHANGED = Rule(
    name="executed-migration-changed",
    family="files",
    severity=Severity.ERROR,
    summary="a migration of the main branch that was edited, renamed or deleted",
    why="Databases that ran it do not run it again, so from here on they differ from every new one, and nobody sees it until something breaks.",
    instead="Put the file back as it was (git checkout main -- FILE) and write a new migration. Comments may be changed.",
    on=(Migration,),
    check=_executed_changed,
    bad=(
        Example(
            _HEAD + _NOTES.replace("EXISTS notes;", "EXISTS notices; -- finding", 1),
            path=_PATH,
            settings=(("main-files", {_PATH: (_HEAD + _NOTES).encode()}),),
        ),
    ),
    good=(
        Example(
            _HEAD + "-- and a word of explanation\n" + _NOTES.replace("CREATE SCHEMA", "CREATE /* a */   SCHEMA"),
            path=_PATH,
            settings=(("main-files", {_PATH: (_HEAD + _NOTES).replace("\n", "\r\n").encode()}),),
        ),
        Example(_HEAD + _NOTES, path=_PATH),
    ),
)

OUT_OF_ORDER_VERSION = Rule(
    name="out-of-order-version",
    family="files",
    severity=Severity.WARNING,
    summary="a new migration that is older than the newest of the main branch",
    why="Databases that already ran the newer one get the two in another order than new databases do; elf-migrate stops there unless --allow-out-of-order is given.",
    instead="Rename it to a version of today, or let the later migration name it in its Dependencies.",
    on=(Migration,),
    check=_out_of_order,
    bad=(
        Example(
            "-- finding\n" + _HEAD + _NOTES,
            path=_PATH,
            settings=(("main-newest", "20250201_000000"), ("main-added", (_PATH,))),
        ),
    ),
    good=(
        Example(_HEAD + _NOTES, path=_PATH, settings=(("main-newest", "20250120_000000"), ("main-added", (_PATH,)))),
        Example(_HEAD + _NOTES, path=_PATH, settings=(("main-newest", "20250201_000000"),)),
    ),
)

RULES = (
    DUPLICATE_VERSION,
    MISSING_DEPENDENCY,
    DEPENDENCY_CYCLE,
    DEPENDENCY_LATER,
    EXECUTED_MIGRATION_CHANGED,
    OUT_OF_ORDER_VERSION,
)
