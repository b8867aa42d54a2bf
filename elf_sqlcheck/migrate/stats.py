"""The sizes of a database's tables, for `elf-sqlcheck lint --stats`: `elf-migrate status --stats` writes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from elf_sqlcheck.catalog.objects import Name
from elf_sqlcheck.sizes import VERSION, TableSize

if TYPE_CHECKING:
    from datetime import datetime

    from elf_sqlcheck.shared.database import SupabaseExecutor

#: A size cannot be asked for while somebody rewrites the table: then it is better to give up than to stand in line.
_PATIENCE = "5s"
#: `reltuples` is what VACUUM and ANALYZE last counted, `n_live_tup` what was counted since; before the first of them
#: `reltuples` is -1 (0 before Postgres 14). A partitioned table is as large as its partitions together.
#: https://www.postgresql.org/docs/current/catalog-pg-class.html
_TABLES = """
SELECT of_all.schema, of_all.name, sum(of_all.rows)::bigint AS rows, sum(of_all.bytes)::bigint AS bytes,
       CASE WHEN since.seconds > 0 THEN round(sum(of_all.writes) / since.seconds, 2)::float8 END AS writes_per_second
FROM (
    SELECT n.nspname::text AS schema, c.relname::text AS name, size.bytes,
           coalesce(s.n_tup_ins + s.n_tup_upd + s.n_tup_del, 0)::numeric AS writes,
           CASE WHEN size.bytes = 0 THEN 0
                WHEN leaf.reltuples > 0 OR leaf.reltuples = 0 AND leaf.relpages > 0 OR s.n_live_tup > 0
                THEN greatest(leaf.reltuples::bigint, s.n_live_tup, 0) END AS rows
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN LATERAL pg_partition_tree(c.oid) part ON c.relkind = 'p'
    JOIN pg_class leaf ON leaf.oid = coalesce(part.relid, c.oid) AND (part.isleaf IS NOT FALSE OR c.oid = leaf.oid)
    LEFT JOIN pg_stat_all_tables s ON s.relid = leaf.oid
    CROSS JOIN LATERAL (
        SELECT CASE WHEN leaf.relkind IN ('r', 'm') THEN pg_table_size(leaf.oid) ELSE 0 END AS bytes
    ) size
    WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
) of_all
CROSS JOIN (
    SELECT extract(epoch FROM now() - stats_reset)::numeric AS seconds
    FROM pg_stat_database WHERE datname = current_database()
) since
GROUP BY of_all.schema, of_all.name, since.seconds
HAVING count(of_all.rows) = count(*)
ORDER BY of_all.schema COLLATE "C", of_all.name COLLATE "C"
"""


def measure(executor: SupabaseExecutor) -> tuple[dict[str, TableSize], datetime]:
    """The sizes of all tables by name, and the server's time; tables that it has never counted are left out.

    Raises DatabaseError, also when a table is locked exclusively for longer than some seconds.
    """
    executor.query("SELECT set_config('lock_timeout', %s, false)", [_PATIENCE])
    [row] = executor.query("SELECT now() AT TIME ZONE 'UTC' AS now")
    found = {
        str(Name(table["schema"], table["name"])): TableSize(table["rows"], table["bytes"], table["writes_per_second"])
        for table in executor.query(_TABLES)
    }
    return found, row["now"]


def text(found: dict[str, TableSize], measured_at: datetime) -> str:
    """The file for --stats: one table a line, so that two of them compare well. It names no server."""
    lines = [f"    {json.dumps(name, ensure_ascii=False)}: {json.dumps(_known(size))}" for name, size in found.items()]
    tables = "{\n" + ",\n".join(lines) + "\n  }" if lines else "{}"
    at = measured_at.isoformat(timespec="seconds") + "Z"
    return f'{{\n  "version": {VERSION},\n  "measured_at": "{at}",\n  "tables": {tables}\n}}\n'


def _known(size: TableSize) -> dict[str, float]:
    fields = {"rows": size.rows, "bytes": size.bytes, "writes_per_second": size.writes_per_second}
    return {key: value for key, value in fields.items() if value is not None}
