"""Which tables of a database a section touches: those that it names, or that lie below what it names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from elf_sqlcheck.catalog.changes import Do
from elf_sqlcheck.catalog.mentions import mentioned
from elf_sqlcheck.verify import ours

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.shared.database import SupabaseExecutor

_WORD = re.compile(r"[^\W\d][\w$]*")
#: Of a view the tables below it, of an index its table, of a type the tables with a column of it.
_TABLES = """
WITH RECURSIVE named AS (
    SELECT unnest(%s::oid[]) AS relation
  UNION
    SELECT c.oid FROM pg_class c WHERE c.relname = ANY(%s::text[]) AND c.relkind IN ('r', 'p')
  UNION
    SELECT a.attrelid FROM unnest(%s::oid[]) AS t (oid)
        JOIN pg_type used ON used.oid = t.oid OR used.typelem = t.oid OR used.typbasetype = t.oid
        JOIN pg_attribute a ON a.atttypid = used.oid AND a.attnum > 0 AND NOT a.attisdropped
), below (relation) AS (
    SELECT relation FROM named WHERE relation IS NOT NULL
  UNION
    SELECT next.oid FROM below JOIN pg_class c ON c.oid = below.relation, LATERAL (
        SELECT i.indrelid AS oid FROM pg_index i WHERE c.relkind IN ('i', 'I') AND i.indexrelid = c.oid
      UNION ALL
        SELECT d.refobjid FROM pg_rewrite r JOIN pg_depend d ON d.objid = r.oid AND d.classid = 'pg_rewrite'::regclass
        WHERE c.relkind IN ('v', 'm') AND r.ev_class = c.oid AND d.refclassid = 'pg_class'::regclass
            AND d.refobjid <> c.oid
    ) AS next
)
SELECT c.oid::bigint AS oid, format('%%I.%%I', n.nspname, c.relname) AS name
FROM below JOIN pg_class c ON c.oid = below.relation JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
        AND e.deptype = 'e')
ORDER BY name
"""


def touched(executor: SupabaseExecutor, changes: Sequence[Change]) -> dict[int, str]:
    """The tables that are there and that `changes` have to do with: qualified names by oid. Raises DatabaseError."""
    targets = mentioned(changes)
    # What a DO block puts into its conditions and into the texts that it executes is known by its words alone.
    words = sorted(
        {word.lower() for change in changes if isinstance(change, Do) for word in _WORD.findall(change.body)}
    )
    if not targets and not words:
        return {}
    relations = ours.relations(executor, [str(name) for kind, name in targets if kind == "relation"])
    types = ours.types(executor, [str(name) for kind, name in targets if kind == "type"])
    rows = ours.ask(executor, _TABLES, (list(relations.values()), words, list(types.values())))
    return {row["oid"]: row["name"] for row in rows}
