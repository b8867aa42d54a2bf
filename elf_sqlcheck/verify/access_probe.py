"""Ask tables as the roles of a Data API do, in a transaction that is rolled back: what can be read, what be written."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.postgres.roles import may_pass_over_triggers

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from elf_sqlcheck.shared.database import SupabaseExecutor
    from elf_sqlcheck.verify.access_relations import Relation

#: Two users: the rows are of the first, and the second asks for them.
ONE, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
_WRITES = ("INSERT", "UPDATE", "DELETE")
#: Letters of pg_type.typcategory, and a value of such a type. https://www.postgresql.org/docs/current/catalog-pg-type.html
_VALUES = {"N": "1", "S": "a", "B": "false", "D": "2025-01-01", "T": "1 day", "I": "127.0.0.1", "A": "{}"}
_TYPES = {"uuid": "33333333-3333-4333-8333-333333333333", "json": "{}", "jsonb": "{}", "bytea": "\\x00", "xml": "<a/>"}
_TIMES = {"time without time zone": "12:00", "time with time zone": "12:00+00"}


@dataclass
class Answer:
    """What a role got: `read` rows of `rows`; whether it wrote, by command. None is what was not asked or not answered.

    For a user who has signed in, `rows` are those of somebody else, and writing means writing those.
    """

    rows: int = 0
    read: int | None = None
    wrote: dict[str, bool] = field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        """The answer for a report."""
        return {"rows": self.rows, "read": self.read, **{command.lower(): did for command, did in self.wrote.items()}}


@dataclass
class Answers:
    """What the roles got of one relation; `reason` says why it could not be filled, "" when it was."""

    anon: Answer = field(default_factory=Answer)
    other: Answer = field(default_factory=Answer)
    reason: str = ""


def probe(executor: SupabaseExecutor, relations: list[Relation], below: dict[int, Relation]) -> dict[str, Answers]:
    """Return what the roles of the API get of each relation, by its name; `below` are the tables of the views."""
    import psycopg

    connection = executor.connection
    found: dict[str, Answers] = {}
    with connection.transaction(force_rollback=True):
        _execute(connection, "SET LOCAL statement_timeout = '5s'")
        _execute(connection, "SET LOCAL lock_timeout = '1s'")
        for relation in relations:
            found[relation.name] = answers = Answers()
            with contextlib.suppress(psycopg.Error), connection.transaction(force_rollback=True):
                tables = [below[oid] for oid in relation.below if oid in below] or [relation]
                answers.reason = _fill(connection, tables)
                with _as(connection, "anon", ""):
                    _ask(connection, "anon", relation, answers.anon, "")
                theirs = " OR ".join(f"{_quoted(owner)} = '{ONE}'" for owner in relation.owners)
                with _as(connection, "authenticated", OTHER):
                    _ask(connection, "authenticated", relation, answers.other, f" WHERE {theirs}" if theirs else "")
    return found


def _fill(connection: psycopg.Connection[dict[str, Any]], tables: list[Relation]) -> str:
    """Put a row into each table, without triggers and foreign keys; returns why that failed, "" when it did not."""
    import psycopg

    try:
        with connection.transaction():
            if may_pass_over_triggers(connection):
                _execute(connection, "SET LOCAL session_replication_role = 'replica'")
            # Many a column is by default auth.uid().
            _execute(connection, "SELECT pg_catalog.set_config('request.jwt.claim.sub', %s, true)", (ONE,))
            _execute(
                connection,
                "INSERT INTO auth.users (id, aud, role, email) SELECT id::uuid, 'authenticated', 'authenticated', "
                "id || '@example.com' FROM unnest(%s::text[]) AS id ON CONFLICT DO NOTHING",
                ([ONE, OTHER],),
            )
            for table in tables:
                _add(connection, table)
            if may_pass_over_triggers(connection):
                _execute(connection, "SET LOCAL session_replication_role = 'origin'")
    except psycopg.Error as error:
        return error.diag.message_primary or str(error)
    return ""


def _add(connection: psycopg.Connection[dict[str, Any]], table: Relation) -> None:
    """Add a row to a table; checks that it does not satisfy are dropped, since all of this is rolled back."""
    import psycopg

    while True:
        try:
            with connection.transaction():
                _execute(connection, *_insert(table))
            return
        except psycopg.errors.CheckViolation as error:
            name = error.diag.constraint_name
            if not name:
                raise
            _execute(connection, f"ALTER TABLE {table.name} DROP CONSTRAINT {_quoted(name)}")


def _insert(table: Relation) -> tuple[str, list[str]]:
    """A statement that adds a row of user ONE with as little in it as it takes: no flag set, no date given."""
    wanted = [column for column in table.columns if column["needed"] or column["name"] in table.owners]
    wanted = [column for column in wanted if column["written"] or column["needed"]]
    if not wanted:
        return f"INSERT INTO {table.name} DEFAULT VALUES", []
    names = ", ".join(_quoted(column["name"]).replace("%", "%%") for column in wanted)
    values = ", ".join(f"%s::{column['type']}" for column in wanted)
    return f"INSERT INTO {table.name} ({names}) VALUES ({values})", [  # noqa: S608 - names out of the catalog
        ONE if column["name"] in table.owners else _value(column) for column in wanted
    ]


def _value(column: dict[str, Any]) -> str:
    if column["kind"] == "e":
        return str(column["label"])
    by_type = _TYPES.get(column["type"]) or _TIMES.get(column["type"])
    return by_type or _VALUES.get(column["category"], "")


def _ask(
    connection: psycopg.Connection[dict[str, Any]], role: str, relation: Relation, answer: Answer, where: str
) -> None:
    with _as(connection, "", ""):
        answer.rows = _outcome(connection, f"SELECT pg_catalog.count(*) AS n FROM {relation.name}{where}") or 0  # noqa: S608
    if relation.may(role, "SELECT"):
        answer.read = _outcome(connection, f"SELECT pg_catalog.count(*) AS n FROM {relation.name}{where}")  # noqa: S608
    if relation.kind == "materialized view":
        return
    first = next((_quoted(one["name"]) for one in relation.columns if one["written"]), "")
    for command in _WRITES:
        if not relation.may(role, command) or (command == "INSERT" and (where or relation.kind == "view")):
            continue
        if command == "INSERT":
            statement, values = _insert(relation)
        elif command == "UPDATE":
            statement, values = f"UPDATE {relation.name} SET {first} = {first}{where}", []  # noqa: S608
        else:
            # The API deletes nothing without a condition, so whoever deletes a row has to see it, too.
            condition = where or f" WHERE {first} IS NOT DISTINCT FROM {first}"
            statement, values = f"DELETE FROM {relation.name}{condition}", []  # noqa: S608
        done = _outcome(connection, statement, values)
        if done is not None:
            answer.wrote[command] = done > 0


def _outcome(
    connection: psycopg.Connection[dict[str, Any]], statement: str, values: list[str] | None = None
) -> int | None:
    """Run a statement and take it back: the rows it counted or wrote, 0 when denied, None when that is unclear."""
    import psycopg

    try:
        with connection.transaction(force_rollback=True):
            cursor = _execute(connection, statement, values)
            row = cursor.fetchone() if cursor.description else None
            return int(row["n"]) if row else cursor.rowcount
    except psycopg.errors.InsufficientPrivilege:
        return 0
    except psycopg.errors.IntegrityError:
        # Policies are asked before constraints are: the row was let in. https://www.postgresql.org/docs/current/ddl-rowsecurity.html
        return 1
    except psycopg.Error:
        return None


@contextlib.contextmanager
def _as(connection: psycopg.Connection[dict[str, Any]], role: str, user: str) -> Iterator[None]:
    """Ask as a role of the API, with the claims of a user that it puts into the session; "" is whoever is connected."""
    row = _execute(connection, "SELECT pg_catalog.current_setting('role') AS role").fetchone()
    before = row["role"] if row else "none"
    if role:
        claims = {"role": role, **({"sub": user, "email": f"{user}@example.com"} if user else {})}
        _execute(
            connection,
            "SELECT pg_catalog.set_config('request.jwt.claims', %s, true), "
            "pg_catalog.set_config('request.jwt.claim.sub', %s, true), pg_catalog.set_config('role', %s, true)",
            (json.dumps(claims), user, role),
        )
    else:
        _execute(connection, "SELECT pg_catalog.set_config('role', 'none', true)")
    try:
        yield
    finally:
        _execute(connection, "SELECT pg_catalog.set_config('role', %s, true)", (before,))


def _execute(
    connection: psycopg.Connection[dict[str, Any]], statement: str, values: Any = None
) -> psycopg.Cursor[dict[str, Any]]:
    return connection.execute(statement.encode(), values or None)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
