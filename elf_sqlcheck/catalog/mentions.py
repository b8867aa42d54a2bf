"""Which relations and types a change has to do with: those that it alters, and those that it reads or points at."""

from __future__ import annotations

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.objects import Name
from elf_sqlcheck.catalog.targets import targets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from elf_sqlcheck.catalog.targets import Target
    from elf_sqlcheck.model import Statement

#: What leaves the rows of a table alone, and cannot fail because of them.
_ROWLESS = (
    ch.AlterFunction, ch.AlterPolicy, ch.Comment, ch.CreateFunction, ch.CreatePolicy, ch.CreateTrigger,
    ch.DefaultPrivileges, ch.Grant, ch.SetOwner, ch.SetRowSecurity, ch.SetSetting, ch.SetTrigger,
)  # fmt: skip


def mentioned(changes: Iterable[ch.Change]) -> list[Target]:
    """The relations and types, each once, that changes have to do with whose course or result rows may decide.

    Names are as the text gives them; where it sets a search_path, they come once more for each schema in it.
    """
    found: dict[Target, None] = {}
    schemas: list[str] = []
    seen: set[int] = set()
    for change in changes:
        if isinstance(change, ch.SetSetting) and change.name == "search_path" and change.value:
            schemas += [part.strip().strip("\"'") for part in change.value.split(",")]
        if isinstance(change, _ROWLESS) or (isinstance(change, ch.CreateView) and not change.materialized):
            continue
        names = [target for target in targets(change) if target[0] in {"relation", "type"}]
        if id(change.statement) not in seen:
            seen.add(id(change.statement))
            names += [("relation", name) for name in _of(change.statement)]
        for kind, name in names:
            found[kind, name] = None
            if name.schema is None:
                found.update(dict.fromkeys((kind, Name(schema, name.name)) for schema in schemas))
    return list(found)


def _of(statement: Statement) -> list[Name]:
    try:
        return list(relations(statement.node)) if statement.json else []
    except RecursionError:
        return []


def relations(node: Any) -> Iterator[Name]:
    """The relations that a node names, wherever in it."""
    if isinstance(node, dict):
        relation = node.get("relname")
        if isinstance(relation, str):
            yield Name(node.get("schemaname"), relation)
        for value in node.values():
            yield from relations(value)
    elif isinstance(node, list):
        for value in node:
            yield from relations(value)


def names(node: Any) -> Iterator[Target]:
    """The relations, types and functions that a node names, wherever in it; without those of Postgres itself."""
    if isinstance(node, dict):
        relation = node.get("relname")
        if isinstance(relation, str):
            yield "relation", Name(node.get("schemaname"), relation)
        for kind, field, sign in (("type", "names", "typemod"), ("function", "funcname", "funcname")):
            parts = node.get(field)
            if sign in node and isinstance(parts, list):
                words = [part["String"]["sval"] for part in parts if "String" in part]
                if words and words[0] != "pg_catalog":
                    yield kind, Name(words[-2] if len(words) > 1 else None, words[-1])
        for value in node.values():
            yield from names(value)
    elif isinstance(node, list):
        for value in node:
            yield from names(value)


def says(node: Any, word: str) -> bool:
    """Whether a node holds the word, as the name of something or as a text."""
    if isinstance(node, dict):
        return any(says(value, word) for value in node.values())
    if isinstance(node, list):
        return any(says(value, word) for value in node)
    return bool(node == word)
