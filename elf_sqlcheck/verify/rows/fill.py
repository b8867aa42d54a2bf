"""Fill tables with rows that satisfy the schema as it stands: parents first, in as few statements as can be."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import DatabaseError
from elf_sqlcheck.postgres.roles import may_pass_over_triggers
from elf_sqlcheck.verify.ours import ask
from elf_sqlcheck.verify.result import Filled
from elf_sqlcheck.verify.rows import bulk
from elf_sqlcheck.verify.rows.domains import accepted
from elf_sqlcheck.verify.rows.order import parents_first
from elf_sqlcheck.verify.rows.recipe import TRIES, Batch, Recipe, Spans, Unfillable
from elf_sqlcheck.verify.rows.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from elf_sqlcheck.shared.database import SupabaseExecutor
    from elf_sqlcheck.verify.rows.tables import Table

#: What the share of rows at the edges is, and their number at most: beyond it they only repeat themselves.
_EDGES = 4
_MOST_EDGES = 100
#: So many rows are enough for a table that is only pointed at.
_PARENTS = 1_000
#: So many rows are tried one by one where the server refuses them together.
_ONE_BY_ONE = 500
#: Where unique columns leave too few rows, others are tried so many times.
_ROUNDS = 4
#: So many rows are written by one statement, lest it be taken for one that never ends.
_BLOCK = 100_000
_WRITABLE = frozenset({"r", "p"})


class Filling:
    """Rows written into the tables of one database, and the transactions that wrote them.

    `ordinary` and `edges` are those transactions: Postgres keeps with each row which one wrote it.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.known = Tables()
        self.ordinary: Spans = []
        self.edges: Spans = []
        self._domains: dict[int, tuple[str, ...]] = {}
        self._counts: dict[int, int] = {}
        #: How many rows a table came to, by oid: one that took no more will not take more next time.
        self._full: dict[int, int] = {}
        self._goals: dict[int, int] = {}
        #: Why tables could not be filled, by oid.
        self.reasons: dict[int, str] = {}

    def fill(self, executor: SupabaseExecutor, oids: Iterable[int], rows: int, *, edges: bool = True) -> list[Filled]:
        """Bring the tables `oids`, and those that their keys point at, to `rows` rows, where they have fewer.

        Triggers do not fire, for what they would do is nobody's to guess; that takes a superuser. `edges` says whether
        some rows are to have values at the edges of their types. Returns what became of each table that lacked rows.

        Raises:
            DatabaseError: The server cannot even be asked.
        """
        wanted = self._with_too_few(executor, sorted(set(oids)), rows)
        if not wanted:
            return []
        self._domains.clear()
        self.reasons.clear()
        self.known.read(executor, wanted)
        order = parents_first(self.known.tables, wanted)
        self._goals = {table.oid: rows if table.oid in wanted else min(rows, _PARENTS) for table in order}
        for table in reversed(order):
            self._goals.update(dict.fromkeys(table.partitions, self._goals[table.oid]))
        self._counts = self._count(executor, order)
        lacking = [table for table in order if self._lacks(table) and not table.partitions]
        before = dict(self._counts)
        if lacking:
            for table in lacking:
                self._prepare(executor, table)
            share = _EDGES if edges else 0
            for tables in self._together(lacking):
                with self.writing(executor, self.ordinary):
                    self._write(executor, tables, share)
            if share:
                with self.writing(executor, self.edges):
                    self._write(executor, lacking, 0, edge=True)
            self._full.update({table.oid: self._rows(table, self._counts) for table in order})
        parts = {oid for table in order for oid in table.partitions}
        return [
            self._filled(table)
            for table in order
            if self._rows(table, before) < self._goals[table.oid] and table.oid not in parts
        ]

    def remove(self, executor: SupabaseExecutor, *, only_edges: bool) -> bool:
        """Take the rows away again that were written here; False when there are none.

        Rows that a migration has written anew since then stay, and where triggers fire, those that one keeps.
        """
        spans = self.edges if only_edges else [*self.edges, *self.ordinary]
        if not spans:
            return False
        there = ask(
            executor,
            "SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'r' AND relpersistence <> 't' "
            "AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) "
            "AND has_table_privilege(oid, 'DELETE')",
        )
        written = " OR ".join(f"xmin::text::bigint BETWEEN {low} AND {high}" for low, high in spans)
        with self.writing(executor, []):
            left = [f"DELETE FROM ONLY {row['name']} WHERE {written}" for row in there]
            # Where triggers fire, rows that others refer to can go only after those.
            while left and not _carried_out(executor, left):
                refused = [command for command in left if not _carried_out(executor, [command])]
                if len(refused) == len(left):
                    break
                left = refused
        self.edges.clear()
        if not only_edges:
            self.ordinary.clear()
        return True

    @contextlib.contextmanager
    def writing(self, executor: SupabaseExecutor, spans: Spans) -> Iterator[None]:
        """One transaction in which triggers do not fire; which one it was is noted in `spans`.

        Without a superuser, or somebody whom one has granted it, they do fire:
        https://www.postgresql.org/docs/current/runtime-config-client.html (session_replication_role).
        """
        connection = executor.connection
        connection.execute("BEGIN")
        try:
            if may_pass_over_triggers(connection):
                connection.execute("SET LOCAL session_replication_role = replica")
            # A merge join would make all rows before the first one is used; a million rows may take their time.
            connection.execute("SET LOCAL enable_mergejoin = off; SET LOCAL statement_timeout = 0")
            first = ask(executor, "SELECT pg_current_xact_id()::text::bigint & 4294967295 AS number")[0]["number"]
            yield
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        # Savepoints have numbers of their own, and a snapshot knows only of those that have ended.
        last = ask(
            executor, "SELECT (pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1) & 4294967295 AS number"
        )[0]["number"]
        spans.append((first, last))

    def _with_too_few(self, executor: SupabaseExecutor, oids: list[int], rows: int) -> list[int]:
        """Those of the tables that have fewer than `rows` rows."""
        if not oids:
            return []
        names = ask(
            executor,
            "SELECT oid::bigint AS oid, oid::regclass::text AS name FROM pg_class WHERE oid = ANY(%s::oid[]) "
            "AND relkind IN ('r', 'p')",
            (oids,),
        )
        parts = [
            f"SELECT {row['oid']}::bigint AS oid WHERE (SELECT count(*) FROM (SELECT FROM {row['name']} LIMIT {most}) "
            f"AS counted) < {most}"
            for row in names
            for most in [min(rows, self._full.get(row["oid"]) or rows)]
        ]
        few = ask(executor, " UNION ALL ".join(parts)) if parts else []
        readable = {row["oid"] for row in names}
        return [*(row["oid"] for row in few), *(oid for oid in oids if oid not in readable)]

    def _count(self, executor: SupabaseExecutor, tables: list[Table]) -> dict[int, int]:
        """How many rows the tables have, but no more than they are to have."""
        parts = [
            f"SELECT {table.oid}::bigint AS oid, count(*) AS rows "
            f"FROM (SELECT FROM ONLY {table.name} LIMIT {self._goals[table.oid]}) AS counted"
            for table in tables
            if table.kind in _WRITABLE
        ]
        counted = ask(executor, " UNION ALL ".join(parts)) if parts else []
        return {table.oid: 0 for table in tables} | {row["oid"]: row["rows"] for row in counted}

    def _lacks(self, table: Table) -> bool:
        return self._counts[table.oid] < self._goals[table.oid]

    def _together(self, tables: list[Table]) -> list[list[Table]]:
        """The tables by the transactions that fill them: where many rows are made, their parents are committed."""
        groups: list[list[Table]] = []
        alone = True
        for table in tables:
            many = self._goals[table.oid] > bulk.MANY
            if alone or many:
                groups.append([])
            groups[-1].append(table)
            alone = many
        return groups

    def _prepare(self, executor: SupabaseExecutor, table: Table) -> None:
        """Ask the server which values the domains of the table accept that have conditions."""
        for column in table.columns:
            if column.type not in self._domains:
                found = accepted(executor, column, self.known.types, self.seed)
                if found is not None:
                    self._domains[column.type] = found

    def _write(self, executor: SupabaseExecutor, tables: list[Table], share: int, *, edge: bool = False) -> None:
        """Write the rows that are missing, but for one of `share` (0: all of them)."""
        for table in tables:
            if table.oid in self.reasons:
                continue
            filled = {oid for oid, count in self._counts.items() if count}
            filled |= {oid for oid, other in self.known.tables.items() if filled & set(other.partitions)}
            try:
                if table.kind != "r":
                    raise Unfillable("it is a foreign table: its rows are on another server")
                recipe = Recipe(table, self.known.types, self.known.tables, self._domains, filled, self.seed)
                goal = self._goals[table.oid]
                rows = goal - (min(_MOST_EDGES, goal // share) if share else 0)
                is_bulk = not edge and rows - self._counts[table.oid] > bulk.MANY and bulk.suits(recipe)
                if not is_bulk or not self._in_bulk(executor, recipe, rows):
                    self._batches(recipe, rows, lambda *made: self._insert(executor, *made), edge=edge)
            except Unfillable as error:
                self.reasons[table.oid] = str(error)

    def _in_bulk(self, executor: SupabaseExecutor, recipe: Recipe, rows: int) -> bool:
        """Write many rows at once; False when one of them is refused, and so none is written."""
        import psycopg

        oid = recipe.table.oid
        before = self._counts[oid]
        connection = executor.connection
        connection.execute("SAVEPOINT elf_bulk")
        try:
            with bulk.writer(executor, recipe) as write:
                self._batches(recipe, rows, write, edge=False)
        except (psycopg.Error, DatabaseError, Unfillable) as error:
            connection.execute("ROLLBACK TO elf_bulk")
            self._counts[oid] = before
            if isinstance(error, Unfillable):
                raise
            return False
        connection.execute("RELEASE elf_bulk")
        return True

    def _batches(self, recipe: Recipe, rows: int, write: bulk.Write, *, edge: bool) -> None:
        """Write rows until there are enough, or no more can be."""
        oid = recipe.table.oid
        shunned = None if edge else self.edges
        # Where rows may point at rows of the same table, the first ones are there to be pointed at.
        halved = recipe.points_at_itself and self._counts[oid] == 0
        first = self._counts[oid] + 1
        goals = [rows // 2, rows] if halved else [rows]
        for goal in goals:
            short = 0
            while (missing := goal - self._counts[oid]) > 0 and short < _ROUNDS:
                batch = Batch(first, min(missing, _BLOCK), edge=edge, nulls=short > 0, shunned=shunned)
                written = write(recipe, batch)
                self._counts[oid] += written
                first += batch.count * TRIES
                short += written < batch.count
                if not written and short > 1:
                    break
            if halved and goal != rows:
                parents = {other for other, count in self._counts.items() if count}
                recipe = Recipe(recipe.table, self.known.types, self.known.tables, self._domains, parents, self.seed)
        if not self._counts[oid] and not edge:
            raise Unfillable("no row was found that satisfies its constraints")

    def _insert(self, executor: SupabaseExecutor, recipe: Recipe, batch: Batch) -> int:
        """Write a batch and return how many rows came of it; raises Unfillable when the server takes none of them."""
        import psycopg

        connection = executor.connection
        refused = ""
        # Looking for conflicts takes half as long again, and there hardly ever are any.
        for careful in (False, True) if recipe.table.conflicts else (False,):
            connection.execute("SAVEPOINT elf_rows")
            try:
                written = connection.execute(recipe.insert(batch, careful=careful).encode()).rowcount
            except psycopg.Error as error:
                connection.execute("ROLLBACK TO elf_rows")
                refused = error.diag.message_primary or str(error)
            else:
                connection.execute("RELEASE elf_rows")
                return written
        written = self._insert_singly(executor, recipe, batch)
        if not written and not batch.edge:
            raise Unfillable(f"the server refuses them: {refused}")
        return written

    @staticmethod
    def _insert_singly(executor: SupabaseExecutor, recipe: Recipe, batch: Batch) -> int:
        import psycopg

        connection = executor.connection
        count = f"SELECT count(*) AS rows FROM {recipe.table.name}"
        before = ask(executor, count)[0]["rows"]
        try:
            connection.execute(recipe.one_by_one(replace(batch, count=min(batch.count, _ONE_BY_ONE))).encode())
        except psycopg.Error:
            connection.execute("ROLLBACK TO elf_rows")
        return int(ask(executor, count)[0]["rows"]) - int(before)

    def _filled(self, table: Table) -> Filled:
        reasons = [self.reasons[oid] for oid in (table.oid, *table.partitions) if oid in self.reasons]
        rows = self._rows(table, self._counts)
        return Filled(table.name, rows, reasons[0] if reasons else "")

    def _rows(self, table: Table, counts: dict[int, int]) -> int:
        below = (self.known.tables[oid] for oid in table.partitions if oid in self.known.tables)
        return counts.get(table.oid, 0) + sum(self._rows(part, counts) for part in below)


def _carried_out(executor: SupabaseExecutor, commands: list[str]) -> bool:
    """Whether the server does all of them; where it refuses one, it does none."""
    import psycopg

    connection = executor.connection
    connection.execute("SAVEPOINT elf_rows")
    try:
        connection.execute("; ".join(commands).encode())
    except psycopg.OperationalError:
        raise
    except psycopg.DatabaseError:
        connection.execute("ROLLBACK TO elf_rows")
        return False
    connection.execute("RELEASE elf_rows")
    return True
