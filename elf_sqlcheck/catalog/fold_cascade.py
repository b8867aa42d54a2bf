"""What DROP … CASCADE takes along."""

from __future__ import annotations

from elf_sqlcheck.catalog import fold_constraints as constraints
from elf_sqlcheck.catalog import fold_drops as drops
from elf_sqlcheck.catalog.dependants import Dependant, dependants
from elf_sqlcheck.catalog.entries import ABSENT, Absent, Domain, OtherType, Table
from elf_sqlcheck.catalog.fold_columns import with_default, without_column
from elf_sqlcheck.catalog.fold_parts import save
from elf_sqlcheck.catalog.objects import Name
from elf_sqlcheck.catalog.parts import changed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elf_sqlcheck.catalog.fold import Catalog


def drop_dependants(catalog: Catalog, kind: str, name: Name, part: str | None = None) -> None:
    """Take away everything that needs an object, and everything that needs that."""
    for dependant in dependants(catalog.now, kind, name, part):
        _drop(catalog, dependant)


def of_column(catalog: Catalog, table: Name, column: str) -> None:
    """What ALTER TABLE … DROP COLUMN … CASCADE takes along."""
    drop_dependants(catalog, "column", table, column)


def of_constraint(catalog: Catalog, table: Table, name: str) -> None:
    """What ALTER TABLE … DROP CONSTRAINT … CASCADE takes along."""
    drop_dependants(catalog, "constraint", table.name, name)


def _drop(catalog: Catalog, dependant: Dependant) -> None:
    kind, name, part = dependant.kind, dependant.name, dependant.part
    found = catalog.objects.get(dependant.key)
    if isinstance(found, Absent | None):
        return
    # What needs the object is looked up before it goes and taken away after it: in files that were never run, two
    # tables may inherit from each other.
    needing: list[Dependant] = []
    if kind in {"table", "foreign table", "view", "materialized view", "sequence"}:
        needing = dependants(catalog.now, kind, name)
        drops.drop_relation(catalog, name)
    elif kind == "index":
        drops.drop_index(catalog, name)
    elif kind in {"trigger", "policy"}:
        drops.drop_part(catalog, kind, name, part)
    elif kind in {"function", "procedure"}:
        needing = dependants(catalog.now, kind, name, part)
        drops.drop_routine(catalog, dependant.key)
    elif kind in {"type", "domain"}:
        needing = dependants(catalog.now, "type", name)
        drops.drop_type(catalog, name)
    elif isinstance(found, Table):
        _drop_from_table(catalog, found, kind, part)
    elif isinstance(found, OtherType):
        kept = tuple(column for column in found.attributes if column.name != part)
        catalog.put(dependant.key, found.replace(attributes=kept))
    elif isinstance(found, Domain):
        kept_constraints = tuple(c for c in found.constraints if c.name != part)
        catalog.put(dependant.key, found.replace(constraints=kept_constraints))
    for other in needing:
        _drop(catalog, other)


def _drop_from_table(catalog: Catalog, table: Table, kind: str, part: str) -> None:
    if kind == "constraint":
        of_constraint(catalog, table, part)
    elif kind == "column":
        of_column(catalog, table.name, part)
    table = catalog.now.table(table.name) or table
    if kind == "constraint":
        save(catalog, constraints.without_constraint(catalog, table, part))
    elif kind == "column":
        save(catalog, without_column(catalog, table, part))
    elif kind == "default":
        column = table.column(part)
        if column:
            bare = with_default(catalog, table, column).replace(default=None)
            save(catalog, table.replace(columns=changed(table.columns, part, bare)))


def drop_schema(catalog: Catalog, name: str) -> None:
    """DROP SCHEMA: everything in it goes, known by name or by its definition."""
    for dependant in dependants(catalog.now, "schema", Name(None, name)):
        _drop(catalog, dependant)
    for key in catalog.now.collected("schema", name):
        if key in catalog.objects:
            catalog.put(key, ABSENT if key[0] in {"relation", "type", "function"} else None)
    for said in catalog.said_about("", name):
        catalog.put(said, None)
    catalog.put(("schema", "", name), ABSENT)
