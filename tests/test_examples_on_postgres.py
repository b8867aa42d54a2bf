"""Every example of every rule, and what its fix makes of it, runs on a real Postgres."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck import registry, testing
from elf_sqlcheck.model import Migration
from elf_sqlcheck.postgres.server import Server, throwaway
from tests.judging import is_newer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from elf_sqlcheck.rule import Example, Rule

RULES = testing.linted(registry.builtin())
SHARED = "examples"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def servers(pg_bin: str) -> Iterator[dict[str, Server]]:
    """A server for each profile."""
    with throwaway(pg_bin) as bare, throwaway(pg_bin, profile="supabase") as project:
        for server in (bare, project):
            server.create_database(SHARED)
        yield {"": bare, "supabase": project}


ROLES = "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_'"


def run(server: Server, migrations: list[Migration]) -> None:
    """Run the UP sections statement by statement, where they are not in one another's way."""
    import psycopg

    for migration in migrations:
        assert not migration.broken, migration.broken[0].message
    if not any(statement.kind == "TransactionStmt" for one in migrations for statement in one.up.statements):
        # A database takes ten times as long. What a transaction refuses, such as a label used at once, gets its own.
        with contextlib.suppress(psycopg.Error), psycopg.connect(server.url_of(SHARED, server.superuser)) as shared:
            execute(shared, migrations)
            shared.execute("SET CONSTRAINTS ALL IMMEDIATE")
            shared.rollback()
            return
    run_apart(server, migrations)


def execute(connection: psycopg.Connection, migrations: list[Migration]) -> None:
    for migration in migrations:
        for statement in migration.up.statements:
            connection.execute(migration.data[statement.span.start : statement.span.end])


def run_apart(server: Server, migrations: list[Migration]) -> None:
    """The same in a database of their own; roles belong to the whole server."""
    import psycopg
    from psycopg import sql

    name = f"example_{next(_numbers)}"
    with psycopg.connect(server.url) as connection:
        before = connection.execute(ROLES).fetchall()
    server.create_database(name)
    # As a superuser: what postgres may not do in a Supabase project is what some of the rules are about.
    url = server.url_of(name, server.superuser)
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            execute(connection, migrations)
    finally:
        server.drop_database(name)
        with psycopg.connect(server.url) as connection:
            for role in connection.execute(ROLES).fetchall():
                if role not in before:
                    connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role[0])))


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_examples_run(servers: dict[str, Server], rule: Rule) -> None:
    """None is refused but by a server that is too old for it, and then a rule says so."""
    import psycopg

    texts: list[tuple[Example, str]] = []
    for example in (*rule.bad, *rule.good):
        if not example.runs:
            texts.append((example, testing.case(example).text))
            texts += [(example, example.fixed)] if example.fixed is not None else []
    for example, text in texts:
        try:
            run(servers[rule.profile], testing.case(example).migrations(text))
        except (psycopg.Error, AssertionError) as error:
            if "stand-in" in str(error):
                continue  # the embedded server has no pgcrypto; the other one, which has it, ran the example
            if is_newer(f"{example.before}\n{text}\n{example.after}", servers[rule.profile].provider.major):
                continue
            pytest.fail(f"{type(error).__name__}: {error}\n{text}")
