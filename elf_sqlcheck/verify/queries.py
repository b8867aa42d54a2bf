"""Old and new code: whether an application's queries work before UP, after UP, and after DOWN.

While a release is rolled out, code of the one before it still runs, on the new schema. A query is prepared and
planned, never run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.read import read_section
from elf_sqlcheck.postgres.pinned import pinned
from elf_sqlcheck.verify.check import Check
from elf_sqlcheck.verify.queries_file import read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import Connection

    from elf_sqlcheck.model import Migration, Section, Span
    from elf_sqlcheck.verify.queries_file import Query
    from elf_sqlcheck.verify.result import Step
    from elf_sqlcheck.verify.stage import Stage

    Answers = list["Answer"]

#: What takes something away, or makes something else of it.
_TAKES_AWAY = (
    ch.AlterAttribute, ch.AlterColumnType, ch.AlterDomain, ch.Drop, ch.DropColumn, ch.DropConstraint, ch.Rename,
    ch.SetSchema,
)  # fmt: skip
_WORD = re.compile(r"\w+")
#: Words in the server's complaints that say what a name is of, and that statements hold anyway.
_FILLERS = frozenset(
    [
        "argument",
        "column",
        "constraint",
        "does",
        "exist",
        "for",
        "function",
        "in",
        "is",
        "not",
        "of",
        "operator",
        "or",
        "relation",
        "the",
        "there",
        "to",
        "type",
    ]
)
_PREPARED = b"elf_sqlcheck_query"
_MOST_NAMED = 3
_EXPAND = (
    "let both work for a while: add the new form here and fill it, release code that uses it, and take the old one "
    "away in a later migration"
)


@dataclass(frozen=True)
class Answer:
    """What the server said to a query: why it does not work ("" when it does), and the (name, type) of its columns."""

    error: str
    columns: tuple[tuple[str, str], ...] = ()


class Queries(Check):
    """Finds `breaks-queries` and `changes-query-results`; `Step.more["queries"]` has what each state came to."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._queries = read(paths)
        self._before: Answers = []
        self._after: Answers = []
        #: Those that have not worked yet, and what was said to them last.
        self._never: dict[Query, str] = {}
        self._worked: set[Query] = set()

    def before(self, stage: Stage, step: Step) -> None:  # noqa: ARG002 - as every check
        """Ask on the schema that the release before this one knows."""
        self._before = self._ask(stage)

    def applied(self, stage: Stage, step: Step) -> None:
        """Ask on the schema that both releases have to work with."""
        migration = step.migration
        self._after = self._ask(stage)
        broken: dict[tuple[Span | None, str], list[Query]] = {}
        changed: dict[tuple[Span | None, str], list[Query]] = {}
        fresh: list[str] = []
        for query, old, new in zip(self._queries, self._before, self._after, strict=True):
            if old.error and not new.error:
                fresh.append(query.where)
            elif not old.error and new.error:
                span = _culprit(migration, migration.up, new.error, query)
                broken.setdefault((span, new.error), []).append(query)
            elif not old.error:
                for difference, about in _differences(old, new):
                    span = _culprit(migration, migration.up, about, query)
                    changed.setdefault((span, difference), []).append(query)
        for (span, error), queries in broken.items():
            message = (
                f"{_named(queries)} no longer {_verb(queries, 'work')} after UP: {error}; the release before this one "
                f"still sends {'it' if len(queries) == 1 else 'them'} while the new one is rolled out"
            )
            stage.find("breaks-queries", migration, message, span, _EXPAND)
        for (span, difference), queries in changed.items():
            message = f"{_named(queries)} {_verb(queries, 'return')} {difference} after UP"
            stage.find("changes-query-results", migration, message, span)
        step.more["queries"] = {
            "asked": len(self._queries),
            "worked_before": sum(not answer.error for answer in self._before),
            "broken": [query.where for queries in broken.values() for query in queries],
            "changed": [query.where for queries in changed.values() for query in queries],
            "new": fresh,
        }

    def rolled_back(self, stage: Stage, step: Step) -> None:
        """Ask on the schema that the release before this one is rolled back to."""
        migration, down = step.migration, step.migration.down
        broken: dict[tuple[Span | None, str], list[Query]] = {}
        for query, old, new in zip(self._queries, self._before, self._ask(stage), strict=True):
            if down is not None and not old.error and new.error:
                broken.setdefault((_culprit(migration, down, new.error, query), new.error), []).append(query)
        for (span, error), queries in broken.items():
            message = (
                f"{_named(queries)} worked before UP and {_verb(queries, 'do')} not after the rollback: {error}; the "
                "release that is rolled back to cannot run on what DOWN leaves"
            )
            stage.find("breaks-queries", migration, message, span, "let DOWN bring back what the queries need")

    def finish(self, stage: Stage) -> None:
        """Name the queries that never worked: what would break them cannot be told."""
        never = [(query, error) for query, error in self._never.items() if query not in self._worked]
        for query, error in never[:_MOST_NAMED]:
            stage.note(f"The query {query.where} works in no state of the schema that was judged: {error}.")
        if len(never) > _MOST_NAMED:
            stage.note(f"So it is with {len(never) - _MOST_NAMED} more queries.")

    def _ask(self, stage: Stage) -> Answers:
        answers = ask(stage.executor.connection, self._queries)
        for query, answer in zip(self._queries, answers, strict=True):
            if answer.error:
                self._never[query] = answer.error
            else:
                self._worked.add(query)
        return answers


def ask(connection: Connection[dict[str, Any]], queries: Sequence[Query]) -> Answers:
    """Return what the server says to each query, without running any. Raises psycopg.Error when it goes away."""
    connection.execute("SET plan_cache_mode = force_generic_plan")
    described = [_described(connection, query) for query in queries]
    types = sorted({oid for _, columns in described for _, oid in columns})
    # A type that is made anew has another number, and the same name.
    with pinned(connection):
        rows = connection.execute(
            "SELECT oid::int8 AS oid, format_type(oid, NULL) AS name FROM unnest(%s::oid[]) AS oid", (types,)
        ).fetchall()
    connection.execute("RESET plan_cache_mode")
    names = {row["oid"]: row["name"] for row in rows}
    return [Answer(error, tuple((name, names[oid]) for name, oid in columns)) for error, columns in described]


def _described(connection: Connection[dict[str, Any]], query: Query) -> tuple[str, list[tuple[str, int]]]:
    """Why a query does not work, "" when it does; and the names and types of its columns."""
    import psycopg
    from psycopg.pq import ExecStatus

    result = connection.pgconn.prepare(_PREPARED, query.text)
    if result.status != ExecStatus.COMMAND_OK:
        return _complaint(result.get_error_message()), []
    result = connection.pgconn.describe_prepared(_PREPARED)
    arguments = f"({', '.join(['NULL'] * result.nparams)})" if result.nparams else ""
    try:
        # Some mistakes only the planner finds, such as an ON CONFLICT for which there is no unique index. EXPLAIN
        # (GENERIC_PLAN) would do, from 16 on: https://www.postgresql.org/docs/current/sql-explain.html
        connection.execute(f"EXPLAIN EXECUTE {_PREPARED.decode()}{arguments}".encode())
    except psycopg.Error as error:
        return _complaint(str(error)), []
    finally:
        connection.execute(f"DEALLOCATE {_PREPARED.decode()}".encode())
    return "", [((result.fname(number) or b"").decode(), result.ftype(number)) for number in range(result.nfields)]


def _complaint(said: str) -> str:
    return said.partition("\n")[0].removeprefix("ERROR:").strip()


def _differences(old: Answer, new: Answer) -> list[tuple[str, str]]:
    """What a reader of the old columns finds changed, and the name that this is about; more columns harm nobody."""
    found: list[tuple[str, str]] = []
    left = list(new.columns)
    for name, kind in old.columns:
        there = next((column for column in left if column[0] == name), None)
        if there is None:
            found.append((f"no column {name} any more", name))
            continue
        left.remove(there)
        if there[1] != kind:
            found.append((f"{name} as {there[1]}, no longer as {kind},", name))
    return found


def _culprit(migration: Migration, section: Section, about: str, query: Query) -> Span | None:
    """The statement that most likely changed a query: it takes away, or at least names, what is complained of."""
    said, asked = _words(about) - _FILLERS, _words(query.text.decode()) - _FILLERS
    best: Span | None = section.statements[0].span if section.statements else section.span
    most = (False, False, 0, 0)
    for change in read_section(section, migration.data):
        there = _words(migration.text(change.statement.span))
        rank = (_taken(change) in said, isinstance(change, _TAKES_AWAY), len(said & there), len(asked & there))
        if any(rank[2:]) and rank > most:
            best, most = change.statement.span, rank
    return best


def _taken(change: ch.Change) -> str:
    """The name that is not there any more after the change, or means something else, in lower case."""
    if isinstance(change, ch.DropColumn | ch.AlterColumnType):
        return change.column.lower()
    if isinstance(change, ch.Rename):
        return (change.part or change.name.name).lower()
    return change.name.name.lower() if isinstance(change, ch.Drop | ch.SetSchema) else ""


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


def _named(queries: Sequence[Query]) -> str:
    shown = ", ".join(query.where for query in queries[:_MOST_NAMED])
    more = len(queries) - _MOST_NAMED
    subject = "the query" if len(queries) == 1 else "the queries"
    return f"{subject} {shown}{f' and {more} more' if more > 0 else ''}"


def _verb(queries: Sequence[Query], verb: str) -> str:
    ending = "es" if verb == "do" else "s"
    return f"{verb}{ending}" if len(queries) == 1 else verb
