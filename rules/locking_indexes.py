"""Indexes and materialized views of tables in use: made, dropped and refreshed while others go on."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    AddConstraint,
    CreateIndex,
    Drop,
    Example,
    Name,
    RefreshView,
    Reindex,
    Rule,
    Severity,
    View,
    alike,
    quoted,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from elf_sqlcheck.rule import Context, Finding, Index


def _index_without_concurrently(context: Context[CreateIndex]) -> Iterator[Finding]:
    change = context.change
    if change.concurrently or change.only or not context.is_busy(change.table):
        return
    owner = context.now.relation(change.table)
    if isinstance(owner, View) and not context.is_older(change.table):
        return
    if (
        change.if_not_exists
        and change.name
        and context.now.index(Name(context.now.resolve(change.table).schema, change.name))
    ):
        return
    name = f"index {quoted(change.name)}" if change.name else "the index"
    message = f"making {name} blocks all writes to {change.table} {context.meanwhile(change.table, 'build')}"
    table = context.now.table(change.table)
    if table and table.partition_by:
        made = change.name or "idx"
        keys = ", ".join(column.name or "…" for column in change.columns)
        instead = (
            f"CREATE INDEX {made} ON ONLY {change.table} ({keys}); then for each partition CREATE INDEX CONCURRENTLY "
            f"{made}_1 ON partition ({keys}); and ALTER INDEX {made} ATTACH PARTITION {made}_1;"
        )
        yield context.finding(
            f"{message}, and an index of a partitioned table cannot be made CONCURRENTLY", instead=instead
        )
        return
    statement, fix = context.concurrently(("index",))
    yield context.finding(message, instead=f"{statement} in {context.migration.outside}", fix=fix)


def _drop_index_without_concurrently(context: Context[Drop]) -> Iterator[Finding]:
    change = context.change
    if change.kind != "index" or change.concurrently:
        return
    found = context.now.index(change.name)
    if found is None and (context.now.relation(change.name) is not None or _is_made_again(context, change.name)):
        return
    if found is not None and (not context.is_busy(found.table) or context.after.is_absent("relation", found.table)):
        return
    table = context.now.table(found.table) if found else None
    if table and table.partition_by:
        return
    where = str(_short(context, found.table)) if found else "its table"
    message = (
        f"dropping index {change.name} takes ACCESS EXCLUSIVE on {where}: it waits for the queries that run, and "
        f"whoever wants to read or write {where} then waits behind it"
    )
    statement, fix = context.concurrently(("index",))
    several = len(context.together(change)) > 1
    if several:
        statement, fix = f"DROP INDEX CONCURRENTLY {change.name};", None
    yield context.finding(message, instead=f"{statement} in {context.migration.outside}", fix=fix)


def _is_made_again(context: Context[Drop], name: Name) -> bool:
    """Whether the section makes an index of that name on a table that nobody waits for."""
    made = context.once(_made).get(name.name, ())
    return any(context.after.rows(change.table) != "many" for change in made)


def _made(context: Context[Any]) -> dict[str | None, list[CreateIndex]]:
    found: dict[str | None, list[CreateIndex]] = {}
    for change in context.of(CreateIndex):
        found.setdefault(change.name, []).append(change)
    return found


def _dropped(context: Context[Any]) -> set[str]:
    return {change.name.name for change in context.of(Drop)}


def _short(context: Context[Drop], name: Name) -> Name:
    return Name(None, name.name) if name.schema in context.now.search_path else name


def _reindex_without_concurrently(context: Context[Reindex]) -> Iterator[Finding]:
    change = context.change
    if change.concurrently:
        return
    table = change.name if change.kind == "table" else None
    if change.kind == "index" and change.name:
        index = context.now.index(change.name)
        table = index.table if index else None
    if table is not None and not context.is_busy(table):
        return
    what = f"{change.kind} {change.name}" if change.name else f"the whole {change.kind}"
    blocked = f"writes to {table}" if table else "writes to every table concerned"
    meanwhile = context.meanwhile(table, "build") if table else "until all its indexes are built"
    message = f"REINDEX of {what} blocks all {blocked}, and the queries that would use the index, {meanwhile}"
    if change.kind == "system":
        yield context.finding(
            message, instead="name the index that is broken; what belongs to the system is for the DBA"
        )
        return
    statement, fix = context.concurrently((change.kind,))
    yield context.finding(message, instead=f"{statement} in {context.migration.outside}", fix=fix)


def _refresh_without_concurrently(context: Context[RefreshView]) -> Iterator[Finding]:
    change = context.change
    if change.concurrently or not context.is_older(change.name):
        return
    view = context.now.view(change.name)
    statement, fix = context.with_words(("view",), "CONCURRENTLY")[0], None
    if view is not None and not any(index.unique and not index.where for index in view.indexes.values()):
        statement = f"CREATE UNIQUE INDEX ON {change.name} (…); once, and then {statement}"
    message = f"REFRESH blocks all reads of {change.name} until its query has run to the end"
    yield context.finding(message, instead=statement, fix=fix)


def _same_keys(one: Index, other: CreateIndex | Index) -> bool:
    return (
        one.columns == other.columns
        and one.where == other.where
        and one.method == other.method
        and set(one.include) >= set(other.include)
        and (one.unique or not other.unique)
        and one.nulls_not_distinct == (other.nulls_not_distinct if other.unique else one.nulls_not_distinct)
    )


def _marks(index: CreateIndex | Index) -> tuple[tuple[str | None, int, str]]:
    """What tells most indexes from each other."""
    return ((index.columns[0].name, len(index.columns), index.where.text if index.where else ""),)


def _duplicate_index(context: Context[CreateIndex | AddConstraint]) -> Iterator[Finding]:
    change = context.change
    if isinstance(change, AddConstraint) and (change.constraint.kind != "unique" or change.constraint.using_index):
        return
    owner = context.now.relation(change.table)
    indexes = getattr(owner, "indexes", None)
    if not indexes:
        return
    later = getattr(context.after.relation(change.table), "indexes", {})
    if isinstance(change, AddConstraint):
        new = [index for name, index in later.items() if name not in indexes and index.unique]
        columns = [index for index in new if tuple(c.name for c in index.columns) == change.constraint.columns]
        wanted: CreateIndex | Index | None = columns[0] if columns else None
        named = columns[0].name if columns else ""
    else:
        wanted, named = change, change.name or ""
    if wanted is None or named in indexes:
        return
    near = alike(indexes, _marks, *_marks(wanted))
    twin = next((index for index in near if index.name in later and _same_keys(index, wanted)), None)
    if twin is None or twin.name in context.once(_dropped):
        return
    what = f"index {quoted(named)}" if named else "this index"
    message = f"{what} has the same columns as index {quoted(twin.name)} of {change.table}: each write pays for both, and no query is faster"
    span = change.constraint.span if isinstance(change, AddConstraint) else None
    yield context.finding(message, span, instead=f"leave it out; {quoted(twin.name)} serves")


_USERS = "CREATE TABLE users (id uuid PRIMARY KEY, email text, team text);"
_HEAD = "-- Migration: Index\n-- Version: 20250102_000000\n-- Description: Index\n"
_TOTALS = "CREATE MATERIALIZED VIEW totals AS SELECT team, count(*) FROM users GROUP BY team;"
_INDEXED = _USERS + "\nCREATE INDEX idx_users_email ON users (email);"

# fmt: off
RULES = (
    Rule(
        name="index-without-concurrently", family="locking", severity=Severity.ERROR, on=(CreateIndex,), check=_index_without_concurrently, words=("index",),
        summary="an index on a table in use is made without CONCURRENTLY",
        why="CREATE INDEX takes a SHARE lock: everybody can read, but each INSERT, UPDATE and DELETE waits until the index is finished. On a large table that is minutes without a write.",
        instead="CREATE INDEX CONCURRENTLY idx_users_email ON users (email);",
        bad=(
            Example("CREATE INDEX idx_users_email ON users (email); -- finding", before=_USERS),
            Example("CREATE UNIQUE INDEX IF NOT EXISTS idx_users_email ON public.users (lower(email)); -- finding", before=_USERS),
            Example(
                _HEAD + "\n-- ==== UP MIGRATION ====\nCREATE INDEX IF NOT EXISTS idx_users_email ON users (email); -- finding\n\n-- ==== DOWN MIGRATION ====\nDROP INDEX IF EXISTS idx_users_email;\n", before=_USERS, unsafe=True,
                fixed=_HEAD + "-- Transaction: none\n\n-- ==== UP MIGRATION ====\nCREATE INDEX CONCURRENTLY IF NOT EXISTS idx_users_email ON users (email);\n\n-- ==== DOWN MIGRATION ====\nDROP INDEX IF EXISTS idx_users_email;\n",
            ),
            Example(
                _HEAD + "-- Transaction: none\n\n-- ==== UP MIGRATION ====\nANALYZE users;\ncreate index on users (team); -- finding\n", before=_USERS,
                fixed=_HEAD + "-- Transaction: none\n\n-- ==== UP MIGRATION ====\nANALYZE users;\ncreate index concurrently on users (team);\n",
            ),
            Example("CREATE INDEX idx_events_at ON events (at); -- finding", before="CREATE TABLE events (at date) PARTITION BY RANGE (at);"),
            Example("CREATE TABLE copies AS SELECT * FROM users;\nCREATE INDEX idx_copies_email ON copies (email); -- finding", before=_USERS),
            Example("CREATE INDEX idx_legacy_a ON legacy (a); -- finding", runs="legacy is older than all migrations"),
        ),
        good=(
            Example(_HEAD + "-- Transaction: none\n\n-- ==== UP MIGRATION ====\nCREATE INDEX CONCURRENTLY idx_users_email ON users (email);\n", before=_USERS),
            Example(_USERS + "\nCREATE INDEX idx_users_email ON users (email);"),
            Example("CREATE TABLE IF NOT EXISTS logs (id uuid);\nINSERT INTO logs VALUES (gen_random_uuid());\nCREATE INDEX idx_logs_id ON public.logs (id);"),
            Example("CREATE TEMPORARY TABLE work AS SELECT id FROM users;\nCREATE INDEX idx_work_id ON work (id);", before=_USERS),
            Example("CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');\nCREATE INDEX idx_events_1_at ON events_1 (at);", before="CREATE TABLE events (at date) PARTITION BY RANGE (at);"),
            Example("CREATE INDEX idx_events_at ON ONLY events (at);", before="CREATE TABLE events (at date) PARTITION BY RANGE (at);"),
            Example("CREATE TEMP TABLE wanted (id uuid);\nCREATE INDEX ON pg_temp.wanted (id);"),
            Example("CREATE INDEX IF NOT EXISTS idx_users_email ON users (email);", before=_INDEXED),
            Example(_TOTALS + "\nCREATE UNIQUE INDEX idx_totals_team ON totals (team);", before=_USERS),
            Example("DROP TABLE users;\n" + _USERS + "\nCREATE INDEX idx_users_email ON users (email);", before=_USERS),
            Example("CREATE INDEX idx_users_email ON users (email);", before=_USERS, settings=(("table-sizes", {"public.users": 300}),)),
        ),
    ),
    Rule(
        name="drop-index-without-concurrently", family="locking", severity=Severity.WARNING, on=(Drop,), check=_drop_index_without_concurrently, words=("index",),
        summary="an index of a table in use is dropped without CONCURRENTLY",
        why="DROP INDEX takes ACCESS EXCLUSIVE on the table. It is quick once it has it, but it waits for the longest query that runs, and everybody else waits behind it, readers too.",
        instead="DROP INDEX CONCURRENTLY IF EXISTS idx_users_email;",
        bad=(
            Example("DROP INDEX idx_users_email; -- finding", before=_INDEXED),
            Example(
                _HEAD + "\n-- ==== UP MIGRATION ====\nDROP INDEX IF EXISTS idx_users_email; -- finding\n\n-- ==== DOWN MIGRATION ====\nCREATE INDEX IF NOT EXISTS idx_users_email ON users (email);\n", before=_INDEXED, unsafe=True,
                fixed=_HEAD + "-- Transaction: none\n\n-- ==== UP MIGRATION ====\nDROP INDEX CONCURRENTLY IF EXISTS idx_users_email;\n\n-- ==== DOWN MIGRATION ====\nCREATE INDEX IF NOT EXISTS idx_users_email ON users (email);\n",
            ),
            Example("DROP INDEX IF EXISTS idx_legacy_a; -- finding"),
        ),
        good=(
            Example(_HEAD + "-- Transaction: none\n\n-- ==== UP MIGRATION ====\nDROP INDEX CONCURRENTLY IF EXISTS idx_users_email;\n", before=_INDEXED),
            Example(_INDEXED + "\nDROP INDEX idx_users_email;"),
            Example("DROP INDEX IF EXISTS idx_logs_id;\nCREATE TABLE logs (id uuid);\nCREATE INDEX idx_logs_id ON logs (id);"),
            Example("DROP INDEX idx_users_email;\nDROP TABLE users;", before=_INDEXED),
            Example("DROP TABLE users;\nDROP INDEX IF EXISTS idx_users_email;", before=_INDEXED),
            Example("DROP INDEX idx_events_at;", before="CREATE TABLE events (at date) PARTITION BY RANGE (at);\nCREATE INDEX idx_events_at ON events (at);"),
        ),
    ),
    Rule(
        name="reindex-without-concurrently", family="locking", severity=Severity.ERROR, on=(Reindex,), check=_reindex_without_concurrently, words=("reindex",),
        summary="REINDEX without CONCURRENTLY",
        why="REINDEX keeps all writers of the table waiting until the index is built anew, and readers that would use it as well: planning a query asks for a lock on each index.",
        instead="REINDEX INDEX CONCURRENTLY idx_users_email;",
        bad=(
            Example("REINDEX INDEX idx_users_email; -- finding", before=_INDEXED),
            Example("REINDEX TABLE users; -- finding", before=_INDEXED),
            Example("REINDEX SCHEMA public; -- finding", before=_INDEXED),
            Example(_HEAD + "-- Transaction: none\n\n-- ==== UP MIGRATION ====\nREINDEX TABLE users; -- finding\n", before=_INDEXED, fixed=_HEAD + "-- Transaction: none\n\n-- ==== UP MIGRATION ====\nREINDEX TABLE CONCURRENTLY users;\n"),
        ),
        good=(
            Example(_HEAD + "-- Transaction: none\n\n-- ==== UP MIGRATION ====\nREINDEX (VERBOSE) TABLE CONCURRENTLY users;\n", before=_INDEXED),
            Example(_INDEXED + "\nREINDEX INDEX idx_users_email;"),
        ),
    ),
    Rule(
        name="refresh-without-concurrently", family="locking", severity=Severity.WARNING, on=(RefreshView,), check=_refresh_without_concurrently, words=("refresh",),
        summary="a materialized view is refreshed without CONCURRENTLY",
        why="REFRESH MATERIALIZED VIEW takes ACCESS EXCLUSIVE on the view: whoever reads it waits until the query behind it has run. With CONCURRENTLY, which needs a unique index, readers see the old rows meanwhile.",
        instead="REFRESH MATERIALIZED VIEW CONCURRENTLY totals;",
        bad=(Example("REFRESH MATERIALIZED VIEW totals; -- finding", before=_USERS + _TOTALS),),
        good=(
            Example("REFRESH MATERIALIZED VIEW CONCURRENTLY totals;", before=_USERS + _TOTALS + "\nCREATE UNIQUE INDEX idx_totals_team ON totals (team);"),
            Example(_TOTALS + "\nREFRESH MATERIALIZED VIEW totals;", before=_USERS),
        ),
    ),
    Rule(
        name="duplicate-index", family="locking", severity=Severity.WARNING, on=(CreateIndex, AddConstraint), check=_duplicate_index, words=("index", "unique"),
        summary="an index with the same columns and condition as another one",
        why="Both are written on each INSERT and most UPDATEs, both take space and memory, and Postgres uses one of them.",
        instead="keep one of them",
        bad=(
            Example("CREATE INDEX idx_users_mail ON users (email); -- finding", before=_INDEXED),
            Example("CREATE TABLE teams (id uuid PRIMARY KEY, slug text UNIQUE);\nCREATE INDEX idx_teams_slug ON teams (slug); -- finding"),
            Example("CREATE UNIQUE INDEX idx_users_id ON users (id); -- finding", before=_USERS),
            Example("ALTER TABLE users ADD CONSTRAINT users_id_unique UNIQUE (id); -- finding", before=_USERS),
        ),
        good=(
            Example("CREATE INDEX idx_users_email_team ON users (email, team);\nCREATE INDEX idx_users_lower ON users (lower(email));\nCREATE INDEX idx_users_some ON users (email) WHERE team IS NOT NULL;", before=_INDEXED),
            Example("CREATE UNIQUE INDEX idx_users_email_once ON users (email);", before=_INDEXED),
            Example("CREATE INDEX IF NOT EXISTS idx_users_email ON users (email);", before=_INDEXED),
            Example("CREATE INDEX idx_users_email_new ON users (email);\nDROP INDEX idx_users_email;\nALTER INDEX idx_users_email_new RENAME TO idx_users_email;", before=_INDEXED),
            Example("CREATE INDEX idx_users_email_hash ON users USING hash (email);\nCREATE INDEX idx_users_pattern ON users (email text_pattern_ops);\nCREATE INDEX idx_users_covering ON users (email) INCLUDE (team);", before=_INDEXED),
            Example("CREATE INDEX idx_logs_email ON logs (email);", before=_INDEXED + "\nCREATE TABLE logs (email text);"),
        ),
    ),
)
# fmt: on
