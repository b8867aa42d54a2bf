"""Which statements cannot run in a transaction."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elf_sqlcheck.model import Statement

#: What runs outside of transactions only, or is better off there.
_ALONE = frozenset({
    "AlterSystemStmt", "ClusterStmt", "CreateSubscriptionStmt", "CreateTableSpaceStmt", "CreatedbStmt", "DiscardStmt",
    "DropTableSpaceStmt", "DropdbStmt", "ReindexStmt", "VacuumStmt",
})  # fmt: skip


def runs_alone(statement: Statement) -> bool:
    """Whether a statement cannot run in a transaction, so that tools like Flyway open none for it.

    Some others show only on the server that they cannot, such as a CALL of a procedure that commits.
    """
    if statement.kind in {"IndexStmt", "DropStmt"}:
        return bool(statement.node.get("concurrent"))
    if statement.kind == "AlterTableStmt":
        return '"AT_DetachPartition"' in statement.json and detached(statement) is not None
    if statement.kind == "VacuumStmt":
        return bool(statement.node.get("is_vacuumcmd"))  # else it is ANALYZE
    return statement.kind in _ALONE


def detached(statement: Statement) -> tuple[list[str], list[str]] | None:
    """The names of the table and of the partition that ALTER TABLE … DETACH PARTITION … CONCURRENTLY is about."""
    if statement.kind != "AlterTableStmt":
        return None
    for item in statement.node.get("cmds", ()):
        command = item["AlterTableCmd"]
        if command.get("subtype") != "AT_DetachPartition":
            continue
        part = command["def"]["PartitionCmd"]
        if part.get("concurrent"):
            return relation_name(statement.node["relation"]), relation_name(part["name"])
    return None


def relation_name(node: dict[str, str]) -> list[str]:
    """The parts of a relation's name, its schema first when it is said."""
    return [node[part] for part in ("schemaname", "relname") if node.get(part)]
