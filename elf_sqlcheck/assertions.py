"""What may stand in a VERIFY section: statements that only look."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elf_sqlcheck.model import Statement

#: Kinds of statements that ask something, or that only say how to ask it.
_LOOKING = frozenset({"ConstraintsSetStmt", "DoStmt", "SelectStmt", "VariableSetStmt"})
#: What makes a SELECT more than a look, by what the parser writes into its node.
_WRITING = (
    ('"intoClause":', "makes a table"),
    ('"InsertStmt":', "writes rows"),
    ('"UpdateStmt":', "writes rows"),
    ('"DeleteStmt":', "deletes rows"),
    ('"MergeStmt":', "writes rows"),
    ('"lockingClause":', "locks rows"),
)


def more_than_a_look(statement: Statement) -> str:
    """What a statement does that has no place in VERIFY, in two words, "" when nothing tells against it.

    What functions and DO blocks do shows only on the server, which lets them read and nothing else.
    """
    if statement.kind == "TransactionStmt":
        return "controls transactions"
    if statement.kind not in _LOOKING:
        return "asks nothing"
    if statement.kind != "SelectStmt":
        return ""
    return next((what for key, what in _WRITING if key in statement.json), "")
