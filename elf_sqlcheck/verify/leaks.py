"""What a migration leaves in its session: settings, roles, temporary tables, locks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.read import read_section
from elf_sqlcheck.verify.check import Check

if TYPE_CHECKING:
    from psycopg import Connection

    from elf_sqlcheck.model import Migration, Section, Span, Statement
    from elf_sqlcheck.verify.result import Step
    from elf_sqlcheck.verify.stage import Stage

    #: (kind, name, value)
    Trait = tuple[str, str, str]

#: Statements that change nothing in a session, nor run code that could, but for a table with TEMP.
_HARMLESS = frozenset(
    ["AlterEnumStmt", "AlterObjectSchemaStmt", "AlterOwnerStmt", "AlterPolicyStmt", "AlterSeqStmt", "AlterTableStmt",
     "CommentStmt", "CompositeTypeStmt", "CreateDomainStmt", "CreateEnumStmt", "CreateExtensionStmt",
     "CreateFunctionStmt", "CreatePolicyStmt", "CreateSchemaStmt", "CreateSeqStmt", "CreateStmt", "CreateTrigStmt",
     "DropStmt", "GrantStmt", "IndexStmt", "RenameStmt", "TransactionStmt", "TruncateStmt", "ViewStmt"]
)  # fmt: skip
#: Each word qualified: the migration may have left a search_path in which pg_catalog is not the first.
_QUERY = """
SELECT 'setting', name, setting FROM pg_catalog.pg_settings WHERE source OPERATOR(pg_catalog.=) 'session'
UNION ALL SELECT 'role', current_user::pg_catalog.text, session_user::pg_catalog.text
UNION ALL SELECT 'table', relname::pg_catalog.text, '' FROM pg_catalog.pg_class
    WHERE relnamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()
    AND relkind::pg_catalog.text OPERATOR(pg_catalog.=) ANY ('{r,p,v}'::pg_catalog.text[])
UNION ALL SELECT 'statement', name, '' FROM pg_catalog.pg_prepared_statements
UNION ALL SELECT 'cursor', name, '' FROM pg_catalog.pg_cursors
UNION ALL SELECT 'channel', channel, '' FROM pg_catalog.pg_listening_channels() AS channel
UNION ALL SELECT 'lock', pg_catalog.count(*)::pg_catalog.text, '' FROM pg_catalog.pg_locks
    WHERE locktype OPERATOR(pg_catalog.=) 'advisory' AND pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()
"""
#: What is left, what it does to whoever uses the session next, what to write, and words of the statement to blame.
_TELLINGS = {
    "setting": (
        "{name} is {value} for all that the session does next",
        "set_config('{name}', …, true) or SET LOCAL {name}, which ends with the transaction",
        ("{name}",),
    ),
    "role": (
        "the session acts as {name}: what comes next is owned by that role, or refused to it",
        "SET LOCAL ROLE, which ends with the transaction",
        ("role", "authorization"),
    ),
    "table": (
        "the temporary table {name} stays as long as the session, hides any other {name}, and cannot be made again",
        "CREATE TEMP TABLE {name} … ON COMMIT DROP, or DROP TABLE {name} at the end",
        ("{name}",),
    ),
    "statement": ("the prepared statement {name} stays as long as the session", "DEALLOCATE {name};", ("{name}",)),
    "cursor": ("the cursor {name} stays open, with all the rows of its query", "CLOSE {name};", ("{name}",)),
    "channel": (
        "the session listens to {name}, and nobody reads what it is sent",
        "UNLISTEN {name};",
        ("{name}", "listen"),
    ),
    "lock": (
        "an advisory lock is still held: whoever asks for it waits until the session ends, with a pooler for days",
        "pg_advisory_xact_lock(…), which ends with the transaction, or pg_advisory_unlock(…) at the end",
        ("advisory",),
    ),
}
#: What one statement makes, by a name that no other has.
_MADE = frozenset(["table", "statement", "cursor"])


class Leaks(Check):
    """Compares the session at the end of UP and of DOWN with a new one."""

    def __init__(self) -> None:
        self._clean: frozenset[Trait] = frozenset()

    def before(self, stage: Stage, step: Step) -> None:
        """Look at a session that nothing has been done in, for a migration that could change it."""
        migration = step.migration
        down = migration.down
        if not self._clean and (_may_leave(migration, migration.up) or (down and _may_leave(migration, down))):
            self._clean = _traits(stage.executor.connection)

    def leaves(self, stage: Stage, step: Step, section: Section, connection: Connection[dict[str, Any]]) -> None:
        """Find what is there now and was not in a new session; `set-without-local` tells of a plain SET."""
        migration = step.migration
        # UP runs twice, and leaves the same both times.
        if step.rolled_back or not _may_leave(migration, section):
            return
        told = {
            change.name.lower()
            for change in read_section(section, migration.data)
            if isinstance(change, ch.SetSetting) and not change.local and change.statement.exact
        }
        for kind, name, value in sorted(_traits(connection) - self._clean):
            if name in told or (kind == "role" and told & {"role", "session_authorization"}):
                continue
            said, instead, words = _TELLINGS[kind]
            shown = f"'{value}'" if kind == "setting" else value
            span = _culprit(migration, section, [word.format(name=name.lower()) for word in words], kind in _MADE)
            message = f"after {section.name.upper()} {said.format(name=name, value=shown)}"
            stage.find("leaks-session-state", migration, message, span, instead.format(name=name))


def _may_leave(migration: Migration, section: Section) -> bool:
    if any(statement.kind not in _HARMLESS for statement in section.statements):
        return True
    return b"temp" in migration.data[section.span.start : section.span.end].lower()


def _traits(connection: Connection[dict[str, Any]]) -> frozenset[Trait]:
    """What sets the session apart; nothing where that cannot be told any more."""
    import psycopg
    from psycopg.rows import tuple_row

    try:
        with connection.cursor(row_factory=tuple_row) as cursor:
            return frozenset(cursor.execute(_QUERY).fetchall())
    except psycopg.Error:
        return frozenset()


def _culprit(migration: Migration, section: Section, words: list[str], made: bool) -> Span | None:
    """The statement that has one of the words, else one that runs code, else any.

    Where several do it is the last, which says what is set; of what is `made`, the first: the others only use it.
    """

    def rank(statement: Statement) -> tuple[bool, bool, int]:
        text = migration.text(statement.span).lower()
        start = statement.span.start
        return any(word in text for word in words), statement.kind not in _HARMLESS, -start if made else start

    return max(section.statements, key=rank).span if section.statements else None
