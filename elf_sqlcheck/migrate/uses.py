"""What a rollback drops although a later migration, which stays applied, uses it: told from the texts alone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.bodies import called_body
from elf_sqlcheck.catalog.calls import Routines
from elf_sqlcheck.catalog.fold import Catalog
from elf_sqlcheck.catalog.mentions import names, says
from elf_sqlcheck.catalog.targets import targets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from elf_sqlcheck.catalog.objects import Name
    from elf_sqlcheck.catalog.schema import Schema
    from elf_sqlcheck.catalog.targets import Target
    from elf_sqlcheck.migrate.deploy import Step
    from elf_sqlcheck.model import Migration, Statement


@dataclass(frozen=True)
class Loss:
    """An object, such as "table public.teams", that `migration` takes away when it is rolled back, and its `users`."""

    migration: Migration
    what: str
    users: tuple[Migration, ...]

    def __str__(self) -> str:
        names = ", ".join(user.name for user in self.users)
        one = len(self.users) == 1
        return (
            f"DOWN of {self.migration.name} drops {self.what}, which {names} use{'s' if one else ''}, and "
            f"{'that stays' if one else 'those stay'} applied: the drop fails, or breaks or takes "
            f"along what {'that' if one else 'they'} made. Roll {'it' if one else 'them'} back first, with "
            f"`elf-migrate down --target {self.migration.version}`."
        )


class _Texts:
    """Which statements of which migrations name an object."""

    def __init__(self) -> None:
        self._found: defaultdict[Target, list[tuple[int, Statement]]] = defaultdict(list)

    def add(self, number: int, changes: Iterable[ch.Change], data: bytes, now: Schema) -> None:
        seen: set[int] = set()
        for change in _with_bodies(changes, data):
            named = targets(change)
            if id(change.statement) not in seen:
                seen.add(id(change.statement))
                named = [*named, *_names(change.statement)]
            for kind, name in named:
                self._found[_full(now, kind, name)].append((number, change.statement))

    def after(self, number: int, kind: str, name: Name, column: str | None) -> set[int]:
        """The numbers of the later migrations that name the object (and the column of it)."""
        if kind == "schema":
            places = [place for (_, one), found in self._found.items() if one.schema == name.name for place in found]
        else:
            places = self._found.get((kind, name), [])
        return {at for at, text in places if at > number and (column is None or _says(text, column))}


def losses(applied: Sequence[Migration], steps: Sequence[Step]) -> list[Loss]:
    """Return what the steps drop although a later migration that stays applied uses it.

    Args:
        applied: All that is applied, in its order.
        steps: The DOWN sections that are run, in their order.
    """
    gone = {step.migration.version for step in steps}
    numbers = {migration.version: number for number, migration in enumerate(applied)}
    if not steps or all(one.version in gone for one in applied[min(numbers.get(version, 0) for version in gone) :]):
        return []
    catalog, routines, texts = Catalog(), Routines(), _Texts()
    for number, migration in enumerate(applied):
        catalog.begin()
        changes = routines.read(migration.up, migration.data)
        catalog.apply_all(changes)
        if migration.version not in gone:
            texts.add(number, changes, migration.data, catalog.now)
    found: list[Loss] = []
    for step in steps:
        catalog.begin()
        for change in routines.read(step.section, step.migration.data):
            for kind, name, column in _dropped(change, catalog.now):
                users = texts.after(numbers[step.migration.version], kind, name, column)
                if users:
                    what = f"column {column} of {name}" if column else f"{_word(change)} {name}"
                    found.append(Loss(step.migration, what, tuple(applied[number] for number in sorted(users))))
            catalog.apply(change)
    return found


def _with_bodies(changes: Iterable[ch.Change], data: bytes) -> Iterator[ch.Change]:
    """The changes, and with a function all that its body does and reads."""
    for change in changes:
        yield change
        if isinstance(change, ch.CreateFunction):
            yield from called_body(change, data)


def _names(statement: Statement) -> list[Target]:
    try:
        return list(names(statement.node)) if statement.json else []
    except RecursionError:
        return []


def _says(statement: Statement, word: str) -> bool:
    try:
        return says(statement.node, word)
    except RecursionError:
        return True


def _full(now: Schema, kind: str, name: Name) -> Target:
    if kind == "function":
        return kind, now.resolve_function(name)
    return (kind, now.resolve(name, kind)) if kind in {"relation", "type"} else (kind, name)


def _dropped(change: ch.Change, now: Schema) -> Iterator[tuple[str, Name, str | None]]:
    """What a change drops that is there: kind and full name, and the column."""
    if isinstance(change, ch.DropColumn):
        table = now.table(change.table)
        if table is None or table.columns.get(change.column, ()) is not None:
            yield "relation", now.resolve(change.table), change.column
    elif isinstance(change, ch.Drop) and change.part is None and change.kind != "index":
        for kind, name in targets(change):
            if (kind in {"relation", "type", "schema"} and not now.is_absent(kind, name)) or kind == "function":
                yield *_full(now, kind, name), None


def _word(change: ch.Change) -> str:
    return change.kind if isinstance(change, ch.Drop) else "table"
