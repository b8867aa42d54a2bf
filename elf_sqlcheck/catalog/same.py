"""Whether two statements are the same to Postgres, however they are written."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from elf_sqlcheck.model import Statement

#: What says where something stands, besides keys that end with "location".
_PLACES = frozenset({"stmt_len", "list_start", "list_end", "rexpr_list_start", "rexpr_list_end"})


def same_statement(one: Statement, other: Statement) -> bool:
    """Whether both have the same parse tree; names in other cases are the same, strings and bodies have to be equal."""
    return one.kind == other.kind and _without_places(one.node) == _without_places(other.node)


def _without_places(node: Any) -> Any:
    if isinstance(node, dict):
        kept = ((key, value) for key, value in node.items() if not key.endswith("location") and key not in _PLACES)
        return {key: _without_places(value) for key, value in kept}
    return [_without_places(item) for item in node] if isinstance(node, list) else node
