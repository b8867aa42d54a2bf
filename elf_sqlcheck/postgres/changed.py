"""Which rows of the catalogs are new since an earlier look, and to which objects they belong.

Each row of a catalog carries the number of the transaction that wrote it (xmin,
https://www.postgresql.org/docs/current/ddl-system-columns.html): a row that was not there at the earlier look was
written by a transaction that had not ended then. Rows that are gone leave no such trace; they are noticed by counting.
"""

# ruff: noqa: S608 - put together from constants of this module only

from __future__ import annotations

from typing import NamedTuple

from elf_sqlcheck.postgres.catalogs import FIRST, OTHERS, PUBLIC


class Watched(NamedTuple):
    """A catalog whose rows say something about an object.

    `owner` is the oid of that object and `holder` the catalog it is in, as SQL over the row `x`; `also` a relation that
    the row says something about besides. `key` tells rows apart; it is empty where rows only go together with their
    object, or together with a change of it, so that they need no counting. What few rows of a large catalog are is told
    by reading all, since an index would be slower: their `user_rows` must not match one. A row that `shows_anywhere`
    concerns more than the object it belongs to: what hangs on it as well, say.
    """

    catalog: str
    owner: str = "x.oid"
    holder: str = ""
    key: str = "x.oid::bigint"
    also: str = "0::oid"
    source: str = ""
    user_rows: str = f"x.oid >= {FIRST}"
    is_large: bool = False
    shows_anywhere: bool = False

    @property
    def is_object(self) -> bool:
        """Whether a row is an object, not a part of one."""
        return self.owner == "x.oid"

    @property
    def tables(self) -> str:
        """What stands after FROM."""
        return self.source or f"{self.catalog} x"


def _part(catalog: str, owner: str, holder: str = "pg_class", also: str = "0::oid") -> Watched:
    """Rows that come and go with their object."""
    return Watched(catalog, f"x.{owner}::oid", holder, "", also, "", f"x.{owner}::bigint >= {FIRST}", is_large=True)


def watched(major: int) -> tuple[Watched, ...]:
    """All catalogs to look at."""
    own_or_public = f"(x.oid >= {FIRST} OR x.oid = {PUBLIC})"
    pair = "(x.{0}::bigint << 32) | x.{1}::bigint"
    later = (Watched("pg_publication_namespace", "x.pnpubid", "pg_publication"),) if major >= 15 else ()
    return (
        Watched("pg_namespace", user_rows=own_or_public),
        Watched("pg_class", is_large=True),
        Watched("pg_type", is_large=True),
        Watched("pg_proc"),
        Watched("pg_constraint", also="x.conindid", is_large=True),
        Watched("pg_trigger", is_large=True),
        Watched("pg_policy"),
        Watched("pg_rewrite", also="x.ev_class"),
        Watched("pg_extension"),
        Watched("pg_event_trigger"),
        Watched("pg_publication"),
        Watched("pg_default_acl"),
        *map(Watched, OTHERS),
        _part("pg_attribute", "attrelid"),
        _part("pg_attrdef", "adrelid"),
        _part("pg_index", "indexrelid", also="x.indrelid"),
        _part("pg_sequence", "seqrelid"),
        _part("pg_foreign_table", "ftrelid"),
        _part("pg_aggregate", "aggfnoid", "pg_proc"),
        _part("pg_enum", "enumtypid", "pg_type"),
        _part("pg_range", "rngtypid", "pg_type"),
        Watched("pg_inherits", "x.inhrelid", "pg_class", pair.format("inhrelid", "inhparent"), is_large=True,
                user_rows="true"),
        Watched("pg_description", "x.objoid", "x.classoid", "(x.objoid::bigint << 16) | x.objsubid",
                user_rows=f"(x.objoid >= {FIRST} OR x.objoid = {PUBLIC})"),
        Watched("pg_publication_rel", "x.prpubid", "pg_publication"),
        *later,
        # What belongs to an extension, and which column a sequence belongs to.
        Watched("pg_depend", "x.objid", "x.classid", "x.objid::bigint",
                user_rows="x.refclassid = 'pg_extension'::regclass AND x.deptype = 'e'", shows_anywhere=True),
        Watched("pg_depend", "x.objid", "pg_class", pair.format("objid", "refobjid"), "x.refobjid",
                "pg_sequence s JOIN pg_depend x ON x.objid = s.seqrelid",
                "x.classid = 'pg_class'::regclass AND x.refclassid = 'pg_class'::regclass AND x.deptype IN ('a', 'i')"),
    )  # fmt: skip


#: Numbers of the rows that are no catalog's.
HORIZON, DEPENDANTS, COMPOSITES = -1, -2, -3


def changes(catalogs: tuple[Watched, ...]) -> str:
    """Return the query of what is new since the transaction `%(since)s` (null for everything).

    Rows: number of the catalog, catalog of the objects (or null), keys (null: the oids), oids of the objects, catalogs
    of each (or null), the relations concerned besides (or 0), number of all rows. Further rows are

    - HORIZON, with the transaction number to ask for next time as its only key,
    - DEPENDANTS: what depends on changed relations, types and functions, since a view's text, say, is put together
      anew when a column is added to its table,
    - COMPOSITES: composite types whose attributes are new.
    """
    return f"""
WITH since AS MATERIALIZED (SELECT COALESCE(age(%(since)s::xid), 2147483647) AS age),
     seen AS MATERIALIZED ({" UNION ALL ".join(_new(number, one) for number, one in enumerate(catalogs))}),
     touched AS MATERIALIZED (SELECT ARRAY(SELECT DISTINCT unnest(owners || also) FROM seen) AS oids)
SELECT * FROM seen
UNION ALL
SELECT {HORIZON}, NULL, ARRAY[mod(pg_snapshot_xmin(pg_current_snapshot())::text::numeric, 4294967296)::bigint],
       NULL, NULL, NULL, 0
UNION ALL
SELECT {DEPENDANTS}, NULL, NULL, array_agg(d.objid), array_agg(d.classid), array_agg(COALESCE(r.ev_class, 0)), 0
FROM pg_depend d LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
WHERE %(since)s::xid IS NOT NULL AND d.refclassid = ANY ('{{pg_class,pg_type,pg_proc}}'::regclass[])
      AND d.refobjid = ANY ((SELECT oids FROM touched)::oid[])
UNION ALL
SELECT {COMPOSITES}, 'pg_type'::regclass, NULL, array_agg(c.reltype), NULL, NULL, 0
FROM pg_class c
WHERE %(since)s::xid IS NOT NULL AND c.relkind = 'c' AND c.oid = ANY ((SELECT oids FROM touched)::oid[])
"""


def _new(number: int, one: Watched) -> str:
    is_new = "age(x.xmin) <= (SELECT age FROM since)"
    by_row = one.holder.startswith("x.")
    holder = "NULL::oid" if by_row else f"'{one.holder or one.catalog}'::regclass::oid"
    classes = f"{one.holder}::oid" if by_row else ""
    also = "" if one.also == "0::oid" else one.also
    total = "count(*)" if one.key else "0::bigint"
    if one.is_large and one.key:
        chosen, where = f" FILTER (WHERE {is_new} AND {one.user_rows})", ""
    elif one.is_large:
        # What else stands after WHERE makes the server take apart every row, even if next to none gets there.
        chosen, where = f" FILTER (WHERE {one.user_rows})", f"WHERE {is_new}"
    else:
        chosen, where = f" FILTER (WHERE {is_new})", f"WHERE {one.user_rows}"
    return f"""
SELECT {number} AS number, {holder} AS holder,
       {f"array_agg({one.key}){chosen}" if one.key and not one.is_object else "NULL::bigint[]"} AS keys,
       array_agg({one.owner}::oid){chosen} AS owners,
       {f"array_agg({classes}){chosen}" if classes else "NULL::oid[]"} AS classes,
       {f"array_agg({also}::oid){chosen}" if also else "NULL::oid[]"} AS also,
       {total} AS total
FROM {one.tables} {where}
"""


def all_keys(one: Watched) -> str:
    """Return the query of the keys of all rows that are there."""
    return f"SELECT {one.key} FROM {one.tables} WHERE {one.user_rows}"
