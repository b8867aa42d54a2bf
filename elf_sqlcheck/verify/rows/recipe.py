"""The statement that makes rows for a table: an INSERT or a COPY, whose rows the server makes by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elf_sqlcheck.catalog.conditions import Condition, condition
from elf_sqlcheck.catalog.objects import quoted
from elf_sqlcheck.verify.rows.columns import Source, source
from elf_sqlcheck.verify.rows.values import identifier

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from elf_sqlcheck.verify.rows.tables import Key, Table, Type

#: So many rows of a parent are enough to point at.
_PARENTS = 10_000
#: So many candidates are made for each row that a condition may refuse.
TRIES = 20

#: Transactions, from the first to the last, both included.
Spans = list[tuple[int, int]]


class Unfillable(Exception):
    """A table cannot be given rows; the text says why."""


@dataclass(frozen=True)
class Batch:
    """So many rows, `first` the number of the first. `edge` wants values at the edges, `nulls` allows NULLs elsewhere;
    a row points at no parent written in one of the transactions `shunned`.
    """

    first: int
    count: int
    edge: bool = False
    nulls: bool = False
    shunned: Spans | None = None


class Recipe:
    """How rows of one table are made; `filled` are the oids of the tables that have rows to point at."""

    def __init__(
        self,
        table: Table,
        types: Mapping[int, Type],
        parents: Mapping[int, Table],
        domains: Mapping[int, tuple[str, ...]],
        filled: Collection[int],
        seed: int,
    ) -> None:
        self.table = table
        self._conditions: list[Condition] = [condition(text) for text in table.checks]
        self._sources: dict[str, Source] = {}
        self._joined: list[tuple[Key, str]] = []
        #: Columns that stay empty, as there is nothing to point at, and those that point at their own row.
        self._empty: list[str] = []
        self._own: dict[str, str] = {}
        #: Keys that share columns with those before them, and where those have their values from.
        self._shared: list[tuple[Key, str, dict[str, str]]] = []
        for key in sorted(table.keys, key=lambda key: (-len(key.columns), key.name)):
            self._add(key, parents, filled)
        covered = self._pointing().keys() | self._own.keys() | set(self._empty)
        for column in table.columns:
            if column.generated or column.name in covered:
                continue
            made = source(table, column, types, self._conditions, domains.get(column.type), seed)
            if made is not None:
                self._sources[column.name] = made
            elif column.not_null and not column.has_default:
                raise Unfillable(f"column {quoted(column.name)} is NOT NULL, and no value is known for {column.shown}")

    def _add(self, key: Key, parents: Mapping[int, Table], filled: Collection[int]) -> None:
        covered = self._pointing()
        columns = [self.table.column(name) for name in key.columns]
        optional = any(column is not None and not column.not_null for column in columns)
        parent = parents.get(key.parent)
        if parent is None or key.parent not in filled:
            if optional:
                # All of them, for the sake of MATCH FULL; one that has to have a value may be filled in vain.
                self._empty += [c.name for c in columns if c and not c.not_null and c.name not in covered]
            elif key.parent == self.table.oid and covered.keys().isdisjoint(key.columns):
                self._own.update(zip(key.columns, key.parent_columns, strict=True))
            else:
                name = parent.name if parent else "a table that cannot be read"
                raise Unfillable(f"its foreign key {quoted(key.name)} needs rows of {name}, which has none")
        elif covered.keys().isdisjoint(key.columns):
            self._joined.append((key, parent.name))
        else:
            self._shared.append((key, parent.name, covered))

    def _pointing(self) -> dict[str, str]:
        """The columns of foreign keys so far, each with SQL for its value in the rows that are being made."""
        found: dict[str, str] = {}
        for number, (key, _) in enumerate(self._joined):
            found.update({name: f"p{number}.c{place}" for place, name in enumerate(key.columns)})
        for number, (key, _, covered) in enumerate(self._shared):
            own = {name: f"s{number}.c{place}" for place, name in enumerate(key.columns)}
            found.update({name: value for name, value in own.items() if name not in covered})
        return found

    @property
    def points_at_itself(self) -> bool:
        """Whether rows may point at other rows of the same table."""
        return any(key.parent == self.table.oid for key in self.table.keys)

    @property
    def columns(self) -> list[str]:
        """The columns that are written."""
        return list(dict.fromkeys([*self._sources, *self._pointing(), *self._empty, *self._own]))

    def insert(self, batch: Batch, *, careful: bool) -> str:
        """The statement that writes a batch; a `careful` one passes over rows that meet another of the same key."""
        if not self.columns:
            return f"INSERT INTO {self.table.name} SELECT FROM generate_series(1, {batch.count})"
        columns = ", ".join(map(identifier, self.columns))
        conflicts = " ON CONFLICT DO NOTHING" if careful else ""
        return f"INSERT INTO {self.table.name} ({columns}) OVERRIDING SYSTEM VALUE {self.select(batch)}{conflicts}"

    def copied(self, batch: Batch) -> str:
        """The rows of a batch for a binary COPY, which takes values of the very types of the columns only."""
        values = ", ".join(f"made.{identifier(name)}::{self._shown(name)}" for name in self.columns)
        return f"SELECT {values} FROM ({self.select(batch)}) AS made"

    def one_by_one(self, batch: Batch) -> str:
        """The statement that writes a batch row by row and passes over those that the server refuses."""
        if not self.columns:
            return self.insert(batch, careful=False)
        names = ", ".join(map(identifier, self.columns))
        last = batch.first + batch.count * (TRIES if self._has_conditions else 1) - 1
        body = (
            "DECLARE written bigint := 0; more bigint; "
            f"BEGIN FOR number IN {batch.first}::bigint .. {last} LOOP BEGIN "
            f"INSERT INTO {self.table.name} ({names}) OVERRIDING SYSTEM VALUE "
            f"{self.select(batch, 'SELECT number AS g')}; "
            "GET DIAGNOSTICS more = ROW_COUNT; written := written + more; "
            f"EXIT WHEN written >= {batch.count}; EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END"
        )
        return f"DO $elf_rows$ #variable_conflict use_column\n{body}$elf_rows$"

    @property
    def _has_conditions(self) -> bool:
        return bool(self.table.checks or self._shared)

    def select(self, batch: Batch, series: str = "") -> str:
        """The rows of a batch, or those of the numbers in `series`."""
        made = [self._value(made, batch) for made in self._sources.values()]
        made += [f"NULL::{self._shown(name)} AS {identifier(name)}" for name in dict.fromkeys(self._empty)]
        made += [self._pointer(name, value, batch) for name, value in self._pointing().items()]
        joins = [self._join(number, key, parent, batch) for number, (key, parent) in enumerate(self._joined)]
        joins += [self._join_shared(number, *shared) for number, shared in enumerate(self._shared)]
        conditions = [f"({text}) IS NOT FALSE" for text in self.table.checks]
        conditions += [self._exists(key, parent) for key, parent, _ in self._shared]
        last = batch.first + batch.count * (TRIES if conditions else 1) - 1
        # A series that is selected comes row by row; one in FROM is made whole before its first row is used.
        series = series or f"SELECT generate_series({batch.first}::bigint, {last}) AS g"
        numbers = f"(SELECT g, g - {batch.first} AS k FROM ({series}) AS series)"
        # OFFSET 0 is not seen through: a condition is about the very value that is written.
        fence, where = (" OFFSET 0", f" WHERE {' AND '.join(conditions)}") if conditions else ("", "")
        inner = f"SELECT {', '.join(made)} FROM {numbers} AS numbers {' '.join(joins)}{fence}"
        outer = [f"own.{identifier(self._own.get(name, name))} AS {identifier(name)}" for name in self.columns]
        return f"SELECT {', '.join(outer)} FROM ({inner}) AS own{where} LIMIT {batch.count}"

    def _shown(self, name: str) -> str:
        column = self.table.column(name)
        return column.shown if column else "text"

    def _value(self, made: Source, batch: Batch) -> str:
        mixed = bool(self._conditions)
        value = made.edge(mixed=mixed) if batch.edge else made.ordinary(nulls=batch.nulls)
        return f"{value} AS {identifier(made.column.name)}"

    def _join(self, number: int, key: Key, parent: str, batch: Batch) -> str:
        columns = ", ".join(f"{identifier(name)} AS c{place}" for place, name in enumerate(key.parent_columns))
        conditions = [f"{identifier(name)} IS NOT NULL" for name in key.parent_columns]
        for low, high in batch.shunned or ():
            conditions.append(f"xmin::text::bigint NOT BETWEEN {low} AND {high}")
        where = " AND ".join(conditions)
        rows = f"SELECT {columns} FROM {parent} WHERE {where} ORDER BY tableoid, ctid LIMIT {_PARENTS}"
        numbered = f"SELECT *, row_number() OVER () - 1 AS n FROM ({rows}) AS parent"
        total = f"(SELECT nullif(count(*), 0) FROM ({rows}) AS counted)"
        alone = any(names <= set(key.columns) for names in self.table.uniques)
        pick = "g" if alone else f"(hashint8extended(g, {number}) & 9223372036854775807)"
        return f"LEFT JOIN ({numbered}) AS p{number} ON p{number}.n = {pick} % {total}"

    @staticmethod
    def _join_shared(number: int, key: Key, parent: str, covered: dict[str, str]) -> str:
        """Some row of the parent that has what an earlier key has put into the columns that both share."""
        pairs = list(zip(key.columns, key.parent_columns, strict=True))
        columns = ", ".join(f"{identifier(theirs)} AS c{place}" for place, (_, theirs) in enumerate(pairs))
        same = " AND ".join(f"parent.{identifier(theirs)} = {covered[own]}" for own, theirs in pairs if own in covered)
        return f"LEFT JOIN LATERAL (SELECT {columns} FROM {parent} AS parent WHERE {same} LIMIT 1) AS s{number} ON true"

    def _pointer(self, name: str, value: str, batch: Batch) -> str:
        keys = [key for key in self.table.keys if name in key.columns]
        optional = all(c is not None and not c.not_null for key in keys for c in map(self.table.column, key.columns))
        if batch.edge and optional:
            value = f"CASE WHEN k % 4 = 0 THEN NULL ELSE {value} END"
        return f"{value} AS {identifier(name)}"

    def _exists(self, key: Key, parent: str) -> str:
        pairs = list(zip(key.columns, key.parent_columns, strict=True))
        nulls = " OR ".join(f"own.{identifier(own)} IS NULL" for own, _ in pairs)
        same = " AND ".join(f"parent.{identifier(theirs)} = own.{identifier(own)}" for own, theirs in pairs)
        return f"({nulls} OR EXISTS (SELECT FROM {parent} AS parent WHERE {same}))"
