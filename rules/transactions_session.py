"""What a migration leaves behind outside the schema: settings of the session, and indexes that do not count."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    Applicability,
    CreateIndex,
    Edit,
    Example,
    Fix,
    Name,
    Opaque,
    Rule,
    SetSetting,
    Severity,
    Span,
    quoted,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from elf_sqlcheck.rule import Context, Finding

#: Settings that no later statement is likely to notice; pg_dump writes them at the head of each file.
_QUIET = frozenset(
    ["bytea_output", "client_encoding", "client_min_messages", "default_table_access_method", "escape_string_warning",
     "standard_conforming_strings", "transaction", "xmloption"]
)  # fmt: skip
#: Here it is not known whether a transaction is open, without which SET LOCAL does nothing.
_UNKNOWN_RUNNER = frozenset({"plain"})


def _set_without_local(context: Context[SetSetting]) -> Iterator[Finding]:
    change = context.change
    name = change.name.lower()
    if change.local or change.value is None or name in _QUIET or not change.statement.exact or _is_reset(context, name):
        return
    message = f"SET {name} stays in force after the migration, for all that the session does next"
    if context.transaction() is None or context.once(_transactions) > 1:
        reset = f"RESET {'SESSION AUTHORIZATION' if name == 'session_authorization' else name};"
        edits = context.append(reset) if context.section.name == "up" else context.append_down(reset)
        fix = Fix(f"add {reset} at the end", edits) if edits else None
        yield context.finding(message, instead=f"end the section with {reset}", fix=fix)
        return
    edits = _local(context)
    applicability = Applicability.SHOWN if context.migration.layout in _UNKNOWN_RUNNER else Applicability.SAFE
    fix = Fix("write SET LOCAL", edits, applicability) if edits else None
    instead = "SET LOCAL, which ends with the transaction" if edits else f"end the section with RESET {name};"
    if context.text(change.span).lower().startswith("select"):
        instead = f"SELECT set_config('{name}', …, true), which ends with the transaction"
    yield context.finding(message, instead=instead, fix=fix)


def _is_reset(context: Context[SetSetting], name: str) -> bool:
    last = context.once(_resets)
    return max(last.get(name, -1), last.get("all", -1)) > context.change.span.start


def _resets(context: Context[Any]) -> dict[str, int]:
    """Where each setting is reset for the last time."""
    found: dict[str, int] = {}
    for change in context.of(SetSetting, Opaque):
        name = ""
        if isinstance(change, SetSetting):
            name = change.name.lower() if change.value is None else ""
        elif context.refuses_transaction(change) == "DISCARD ALL":
            name = "all"
        found[name] = max(found.get(name, -1), change.span.start)
    return found


def _transactions(context: Context[Any]) -> int:
    """How many transactions the statements run in that are more than a setting."""
    return len({context.transaction(change) for change in context.changes if not isinstance(change, SetSetting)})


def _local(context: Context[SetSetting]) -> tuple[Edit, ...]:
    """Edits that turn SET [SESSION] into SET LOCAL; () where there is no such form."""
    words = [(word.lower(), span) for word, span in context.tokens(context.change.span)[:3]]
    if words[0][0] != "set" or len(words) < 3 or words[2][0] == "characteristics":
        return ()
    if words[1][0] == "session" and words[2][0] != "authorization":
        return (Edit(words[1][1], context.keywords("LOCAL")),)
    end = words[0][1].end
    return (Edit(Span(end, end), context.keywords(" LOCAL")),)


def _invalid_index_hidden(context: Context[CreateIndex]) -> Iterator[Finding]:
    change = context.change
    if not (change.concurrently and change.if_not_exists and change.name) or context.migration.layout == "elf":
        return
    if context.is_dropped_before("index", change.name):
        return
    drop = f"DROP INDEX CONCURRENTLY IF EXISTS {Name(change.table.schema, change.name)};"
    fix = None
    if not context.migration.transactional:
        start = Span(change.statement.span.start, change.statement.span.start)
        fix = Fix(f"add {drop} before it", (Edit(start, f"{context.keywords(drop)}\n"),), Applicability.UNSAFE)
    message = (
        f"when building {quoted(change.name)} on {change.table} fails it stays behind as an INVALID index, and the next "
        "run finds it there and reports success: it slows down writes and no query uses it"
    )
    yield context.finding(message, instead=f"put before it: {drop}", fix=fix)


_USERS = "CREATE TABLE users (id UUID PRIMARY KEY, email TEXT);"
_HEAD = "-- Version: 20250102_000000\n-- Transaction: none\n\n-- ============= UP MIGRATION =============\n"
_ANALYZE = "VACUUM users;\n"

SET_WITHOUT_LOCAL = Rule(
    name="set-without-local",
    family="transactions",
    severity=Severity.WARNING,
    summary="SET of a setting that outlives the migration",
    why="elf-migrate resets the session after each section; psql and most runners do not: later migrations look their tables up elsewhere, act as another role or wait without limit, and a pooler hands the session on to the application.",
    instead="Write SET LOCAL, or RESET it at the end where no transaction is open.",
    on=(SetSetting,),
    check=_set_without_local,
    sections=("up", "down"),
    bad=(
        Example(
            "SET search_path = public; -- finding\nset session lock_timeout = '5s'; -- finding\nCREATE TABLE a (id UUID);",
            fixed="SET LOCAL search_path = public;\nset local lock_timeout = '5s';\nCREATE TABLE a (id UUID);",
        ),
        Example("SET TIME ZONE 'UTC'; -- finding", fixed="SET LOCAL TIME ZONE 'UTC';"),
        Example("SELECT set_config('search_path', '', false); -- finding"),
        Example(
            f"{_HEAD}SET statement_timeout = 0; -- finding\n{_ANALYZE}",
            before=_USERS,
            fixed=f"{_HEAD}SET statement_timeout = 0;\n{_ANALYZE.rstrip()}\n\nRESET statement_timeout;\n",
        ),
        Example("SET ROLE pg_monitor; -- finding\nSELECT 1;", fixed="SET LOCAL ROLE pg_monitor;\nSELECT 1;"),
    ),
    good=(
        Example("SET LOCAL search_path = public;\nSELECT set_config('lock_timeout', '5s', true);"),
        Example("SET statement_timeout = '1min';\nCREATE TABLE a (id UUID);\nRESET statement_timeout;"),
        Example("SET ROLE pg_monitor;\nSELECT 1;\nRESET ALL;\nRESET ROLE;"),
        Example("SET search_path = public;\nCREATE TABLE a (id UUID);\nSET search_path TO DEFAULT;"),
        Example("SET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;"),
        Example("CREATE FUNCTION one() RETURNS INT LANGUAGE sql SET search_path = '' AS 'SELECT 1';"),
        Example(f"{_HEAD}SET statement_timeout = 0;\n{_ANALYZE}RESET statement_timeout;\n", before=_USERS),
        Example(f"{_HEAD}SET search_path = public;\n{_ANALYZE}DISCARD ALL;\n", before=_USERS),
    ),
)

INVALID_INDEX_HIDDEN = Rule(
    name="invalid-index-hidden",
    family="transactions",
    severity=Severity.WARNING,
    summary="CREATE INDEX CONCURRENTLY IF NOT EXISTS that takes an INVALID leftover for the index",
    why="A concurrent build that fails (a duplicate, a deadlock, a timeout) leaves its index behind, INVALID. elf-migrate drops such a leftover; other runners do not, and IF NOT EXISTS is content with it.",
    instead="Drop the leftover first: DROP INDEX CONCURRENTLY IF EXISTS …",
    on=(CreateIndex,),
    check=_invalid_index_hidden,
    words=("concurrently",),
    bad=(
        Example(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_users_email ON users (email); -- finding",
            before=_USERS,
            path="db/V2__index_email.sql",
        ),
    ),
    good=(
        Example(
            "DROP INDEX CONCURRENTLY IF EXISTS idx_users_email;\n"
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_users_email ON users (email);",
            before=_USERS,
            path="db/V2__index_email.sql",
        ),
        Example(
            "CREATE INDEX CONCURRENTLY idx_users_email ON users (email);", before=_USERS, path="db/V2__index_email.sql"
        ),
        Example(f"{_HEAD}CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_users_email ON users (email);\n", before=_USERS),
    ),
)

RULES = (SET_WITHOUT_LOCAL, INVALID_INDEX_HIDDEN)
