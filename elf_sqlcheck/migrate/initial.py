"""A first migration for a schema that already exists: Postgres writes its objects down, dependencies order them."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elf_sqlcheck.migrate.schema_extras import COMMENTS, GRANTS, LEFT_OUT, NEEDS, PARTS
from elf_sqlcheck.migrate.schema_queries import MANAGED, OBJECTS, TRACKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from elf_sqlcheck.shared.database import SupabaseExecutor

#: What pg_depend knows an object by: the oid of its catalog and its own.
Key = tuple[int, int]


@dataclass(frozen=True)
class Initial:
    """The statements that make a schema and that take it away, and what they leave out."""

    up: str
    down: str
    objects: int
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class _Object:
    key: Key
    rank: int
    name: str
    up: str
    down: str | None


def read_schema(executor: SupabaseExecutor) -> Initial:
    """Write down the schema of a database, without what extensions bring, Supabase manages or elf-migrate tracks.

    Tables, constraints, indexes, views, functions, triggers, rules, policies, row level security, grants, types,
    domains, sequences, comments, schemas and extensions are covered; rows and owners are not.

    Raises:
        DatabaseError: The server refused.
    """
    values = {"managed": list(MANAGED), "tracking": list(TRACKING)}
    # One moment for all queries, and names that are always qualified.
    executor.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        executor.query("SET LOCAL search_path = ''")
        rows = [row for query in OBJECTS for row in executor.query(query, values)]
        extras = [row for query in (GRANTS, COMMENTS) for row in executor.query(query.replace("%%", "%"))]
        parts = executor.query(PARTS)
        needs = executor.query(NEEDS)
        left_out = executor.query(LEFT_OUT, values)
    finally:
        executor.query("ROLLBACK")
    objects = {
        (row["class"], row["oid"]): _Object(
            (row["class"], row["oid"]), row["rank"], row["name"], row["up"], row["down"]
        )
        for row in rows
    }
    wholes = {(row["class"], row["oid"]): (row["whole_class"], row["whole_oid"]) for row in parts}
    edges = [((row["class"], row["oid"]), (row["needed_class"], row["needed_oid"])) for row in needs]
    ordered = _in_order(objects, _between(objects, wholes, edges))
    further = [row["up"] for row in extras if _whole((row["class"], row["oid"]), objects, wholes)]
    # Bodies of functions may name what comes later: https://www.postgresql.org/docs/current/runtime-config-client.html
    head = ["SET LOCAL check_function_bodies = off"] if any(item.rank == _FUNCTION for item in ordered) else []
    up = [*head, *(item.up for item in ordered), *further]
    down = [item.down for item in reversed(ordered) if item.down]
    return Initial(
        "\n\n".join(f"{statement};" for statement in up),
        "\n".join(f"{statement};" for statement in down),
        len(ordered),
        tuple(f"{row['type']} {row['identity']}" for row in left_out),
    )


_FUNCTION = 45


def _whole(key: Key, objects: Mapping[Key, _Object], wholes: Mapping[Key, Key]) -> Key | None:
    """The object that is written down and that `key` is, or is part of."""
    for _ in range(4):
        if key in objects:
            return key
        if key not in wholes:
            return None
        key = wholes[key]
    return None


def _between(
    objects: Mapping[Key, _Object], wholes: Mapping[Key, Key], edges: Iterable[tuple[Key, Key]]
) -> dict[Key, set[Key]]:
    """What each object needs among the others."""
    needed: dict[Key, set[Key]] = {key: set() for key in objects}
    for dependent, reference in edges:
        one, other = _whole(dependent, objects, wholes), _whole(reference, objects, wholes)
        if one and other and one != other:
            needed[one].add(other)
    return needed


def _in_order(objects: Mapping[Key, _Object], needed: dict[Key, set[Key]]) -> list[_Object]:
    """Sort so that each object comes after what it needs, and else by rank and name.

    What needs itself in a circle is taken by rank: Postgres allows that only where the text does too.
    """
    waiting = {key: set(keys) for key, keys in needed.items()}
    users: dict[Key, list[Key]] = {key: [] for key in objects}
    for key, keys in needed.items():
        for other in keys:
            users[other].append(key)
    ready = [(item.rank, item.name, key) for key, item in objects.items() if not waiting[key]]
    heapq.heapify(ready)
    ordered: list[_Object] = []
    while waiting:
        if not ready:
            heapq.heappush(ready, min((objects[key].rank, objects[key].name, key) for key in waiting))
        _, _, key = heapq.heappop(ready)
        if waiting.pop(key, None) is None:
            continue
        ordered.append(objects[key])
        for user in users[key]:
            if user in waiting:
                waiting[user].discard(key)
                if not waiting[user]:
                    heapq.heappush(ready, (objects[user].rank, objects[user].name, user))
    return ordered
