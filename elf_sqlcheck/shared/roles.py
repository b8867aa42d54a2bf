"""Roles that migrations name but do not make: production has them, a fresh server has not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from elf_sqlcheck.model import Migration


def named_roles(migrations: Iterable[Migration]) -> list[str]:
    """Return the roles that sections grant to, name in policies or make owners, but do not create."""
    return unmade(map(roles_in, migrations))


def unmade(roles: Iterable[tuple[AbstractSet[str], AbstractSet[str]]]) -> list[str]:
    """Return the roles that are named but not made, of what `roles_in` found in each migration."""
    named: set[str] = set()
    made: set[str] = set()
    for also_named, also_made in roles:
        named |= also_named
        made |= also_made
    return sorted(name for name in named - made if not name.startswith("pg_"))


def roles_in(migration: Migration) -> tuple[set[str], set[str]]:
    """Return the roles that the sections of a migration name, and those that they create."""
    named: set[str] = set()
    made: set[str] = set()
    for section in (migration.up, migration.down):
        for statement in section.statements if section else ():
            if statement.kind == "CreateRoleStmt":
                made.add(statement.node["role"])
            elif "ROLESPEC_CSTRING" in statement.json:
                named.update(_names(statement.node))
    return named, made


def _names(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if node.get("roletype") == "ROLESPEC_CSTRING":
            yield node["rolename"]
        for inner in node.values():
            yield from _names(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _names(inner)
