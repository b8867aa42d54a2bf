"""Tables as somebody who writes rows has to know them, read from the catalogs of a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.verify.ours import ask

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from elf_sqlcheck.shared.database import SupabaseExecutor


@dataclass(frozen=True)
class Type:
    """A data type. `kind` is pg_type.typtype ("b", "c", "d", "e", "r", "m"), `category` pg_type.typcategory.

    `base` is the oid of what it is made of: a domain's base type, an array's element, a range's bound. `labels` are
    those of an enum, `checks` the conditions of a domain (about VALUE), `attributes` the (name, type oid, modifier) of
    a composite type.
    """

    oid: int
    name: str
    kind: str
    category: str
    base: int = 0
    modifier: int = -1
    not_null: bool = False
    labels: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    attributes: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True)
class Column:
    """A column: `shown` is its type as SQL writes it, `type` and `modifier` are pg_attribute's."""

    name: str
    number: int
    type: int
    modifier: int
    shown: str
    not_null: bool
    has_default: bool = False
    generated: bool = False


@dataclass(frozen=True)
class Key:
    """A foreign key: `columns` point at `parent_columns` of the table with the oid `parent`."""

    name: str
    columns: tuple[str, ...]
    parent: int
    parent_columns: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table; `name` is qualified and quoted as SQL needs it. `kind` is pg_class.relkind.

    `checks` are conditions on a row: CHECK constraints and, of a partition, its bounds. `uniques` are the sets of
    columns that are unique. `conflicts` says whether ON CONFLICT can be said of it: not with deferrable constraints.
    """

    oid: int
    name: str
    kind: str
    columns: tuple[Column, ...]
    checks: tuple[str, ...] = ()
    uniques: tuple[frozenset[str], ...] = ()
    keys: tuple[Key, ...] = ()
    partitions: tuple[int, ...] = ()
    conflicts: bool = True

    def column(self, name: str) -> Column | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass
class Tables:
    """What is known: tables by oid, and the types that their columns have, by oid."""

    tables: dict[int, Table] = field(default_factory=dict)
    types: dict[int, Type] = field(default_factory=dict)

    def read(self, executor: SupabaseExecutor, oids: Iterable[int]) -> None:
        """Read the tables `oids` anew, with those that their foreign keys point at, and their partitions.

        Raises:
            DatabaseError: The server refused to tell.
        """
        wanted = sorted(set(oids))
        if not wanted:
            return
        for row in ask(executor, _TABLES, (wanted,)):
            self.tables[row["oid"]] = _table(row)
        used = {column.type for table in self.tables.values() for column in table.columns}
        unknown = sorted(oid for oid in used if oid >= _FIRST_OWN or oid not in self.types)
        if unknown:
            for row in ask(executor, _TYPES, (unknown,)):
                self.types[row["oid"]] = _type(row)


#: Objects with a lower oid are Postgres' own, and stay what they are.
_FIRST_OWN = 16384

#: A table's partitions come with it. The copies of a foreign key that Postgres keeps for each partition of the table
#: that is pointed at are left out (https://www.postgresql.org/docs/current/catalog-pg-constraint.html, conparentid).
_TABLES = """
WITH RECURSIVE wanted (oid) AS (
    SELECT unnest(%s::oid[])
  UNION
    SELECT next.oid FROM wanted, LATERAL (
        SELECT confrelid AS oid FROM pg_constraint WHERE conrelid = wanted.oid AND contype = 'f' AND conparentid = 0
      UNION ALL
        SELECT inhrelid FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
        WHERE inhparent = wanted.oid AND child.relispartition
    ) AS next
)
SELECT c.oid::bigint AS oid, format('%%I.%%I', n.nspname, c.relname) AS name, c.relkind::text AS kind,
    (SELECT jsonb_agg(jsonb_build_array(a.attname, a.attnum, a.atttypid::bigint, a.atttypmod,
                format_type(a.atttypid, a.atttypmod), a.attnotnull, a.atthasdef OR a.attidentity <> '',
                a.attgenerated <> '') ORDER BY a.attnum)
        FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
    (SELECT jsonb_agg(pg_get_expr(k.conbin, k.conrelid, true) ORDER BY k.conname)
        FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c') AS checks,
    CASE WHEN c.relispartition THEN pg_get_partition_constraintdef(c.oid) END AS bounds,
    (SELECT jsonb_agg(jsonb_build_array(i.indimmediate, i.indisexclusion OR i.indexprs IS NOT NULL,
            (SELECT jsonb_agg(a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid
                AND a.attnum = ANY((i.indkey::smallint[])[0:i.indnkeyatts - 1]))))
        FROM pg_index i WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion)) AS uniques,
    (SELECT jsonb_agg(jsonb_build_array(k.conname, k.confrelid::bigint,
            (SELECT jsonb_agg(a.attname ORDER BY p.place) FROM unnest(k.conkey) WITH ORDINALITY p (number, place)
                JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p.number),
            (SELECT jsonb_agg(a.attname ORDER BY p.place) FROM unnest(k.confkey) WITH ORDINALITY p (number, place)
                JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = p.number)) ORDER BY k.conname)
        FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f'
            AND NOT EXISTS (SELECT FROM pg_constraint whole WHERE whole.oid = k.conparentid
                AND whole.conrelid = k.conrelid)) AS keys,
    (SELECT jsonb_agg(inhrelid::bigint ORDER BY inhrelid) FROM pg_inherits WHERE inhparent = c.oid
        AND c.relkind = 'p') AS partitions
FROM wanted JOIN pg_class c ON c.oid = wanted.oid JOIN pg_namespace n ON n.oid = c.relnamespace
"""

_TYPES = """
WITH RECURSIVE wanted (oid) AS (
    SELECT unnest(%s::oid[])
  UNION
    SELECT next.oid FROM wanted JOIN pg_type t ON t.oid = wanted.oid, LATERAL (
        SELECT t.typbasetype AS oid WHERE t.typbasetype <> 0
      UNION ALL SELECT t.typelem WHERE t.typelem <> 0
      UNION ALL SELECT rngsubtype FROM pg_range WHERE rngtypid = t.oid
      UNION ALL SELECT atttypid FROM pg_attribute WHERE attrelid = t.typrelid AND t.typtype = 'c'
            AND attnum > 0 AND NOT attisdropped
    ) AS next
)
SELECT t.oid::bigint AS oid, t.typname AS name, t.typtype::text AS kind, t.typcategory::text AS category,
    coalesce(nullif(t.typbasetype, 0), (SELECT rngsubtype FROM pg_range WHERE rngtypid = t.oid), t.typelem)::bigint
        AS base,
    t.typtypmod AS modifier, t.typnotnull AS not_null,
    (SELECT jsonb_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid) AS labels,
    (SELECT jsonb_agg(pg_get_expr(conbin, 0, true)) FROM pg_constraint
        WHERE contypid = t.oid AND contype = 'c') AS checks,
    (SELECT jsonb_agg(jsonb_build_array(attname, atttypid::bigint, atttypmod) ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = t.typrelid AND t.typtype = 'c' AND attnum > 0 AND NOT attisdropped) AS attributes
FROM wanted JOIN pg_type t ON t.oid = wanted.oid
"""


def _table(row: Mapping[str, Any]) -> Table:
    bounds = [row["bounds"]] if row["bounds"] else []
    uniques = row["uniques"] or []
    return Table(
        row["oid"],
        row["name"],
        row["kind"],
        tuple(Column(*column) for column in row["columns"] or ()),
        (*(row["checks"] or ()), *bounds),
        tuple(frozenset(names) for _, other, names in uniques if names and not other),
        tuple(Key(name, tuple(own), parent, tuple(theirs)) for name, parent, own, theirs in row["keys"] or ()),
        tuple(row["partitions"] or ()),
        all(immediate for immediate, _, _ in uniques),
    )


def _type(row: Mapping[str, Any]) -> Type:
    return Type(
        row["oid"],
        row["name"],
        row["kind"],
        row["category"],
        row["base"] or 0,
        row["modifier"],
        row["not_null"],
        tuple(row["labels"] or ()),
        tuple(row["checks"] or ()),
        tuple((name, oid, modifier) for name, oid, modifier in row["attributes"] or ()),
    )
