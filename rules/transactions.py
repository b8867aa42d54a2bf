"""Transactions: what cannot run in one, what must, and files that open or close one where they should not."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    AddEnumLabel,
    AlterSystem,
    Applicability,
    CreateIndex,
    DetachPartition,
    Do,
    Drop,
    Edit,
    Example,
    Fix,
    LockTable,
    Maintenance,
    Migration,
    Opaque,
    ReadRows,
    RefreshView,
    Reindex,
    Rule,
    SetSetting,
    Severity,
    Span,
    Transaction,
    ValidateConstraint,
    WriteRows,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from elf_sqlcheck.rule import Context, Finding

    Concurrent = CreateIndex | Drop | Reindex | DetachPartition
    Outside = Maintenance | Reindex | AlterSystem | Opaque | LockTable | Transaction | Migration

HEADER = "-- Transaction: none"
#: How each layout is told to run a file outside a transaction.
_HOW = {
    "dbmate": "write `-- migrate:up transaction:false` (for DOWN `-- migrate:down transaction:false`)",
    "diesel": "put `run_in_transaction = false` into the metadata.toml beside it",
    "elf": f"add the header line `{HEADER}`",
    "golang-migrate": "let it be the only statement of its file: the driver sends a file as one query",
    "goose": "add the line `-- +goose NO TRANSACTION`",
    "graphile-migrate": "write `--! no-transaction` in its head, and nothing else in the file",
    "prisma": "let it be the only statement of its file: Prisma sends a file as one query",
    "sqitch": "leave out BEGIN and COMMIT around it",
    "sqlx": "make `-- no-transaction` the first line of the file",
}
#: Here a statement that is the only one of its file runs on its own.
_ALONE_IS_FINE = frozenset({"golang-migrate", "prisma"})
#: These runners send such statements on their own: Flyway refuses only files that mix them with others, the Supabase
#: CLI (2.109 or newer) none; who runs a plain file is not known.
_COPES = frozenset({"flyway", "plain", "supabase"})
#: What may have good reason to be committed on its own.
_MAY_NEED = (
    AddEnumLabel, Do, Maintenance, Opaque, ReadRows, RefreshView, Reindex, Transaction, ValidateConstraint, WriteRows,
)  # fmt: skip


def _concurrently_in_transaction(context: Context[Concurrent]) -> Iterator[Finding]:
    if context.change.concurrently:
        yield from _refused(context)


def _refused(context: Context[Any]) -> Iterator[Finding]:
    """What fails because a transaction is open where it stands."""
    change = context.change
    what = context.transaction() is not None and context.refuses_transaction()
    if not what:
        return
    migration = context.migration
    name = getattr(change, "partition", None) or getattr(change, "name", None)
    shown = f"{what} {name}" if name and " of " not in what else what
    opening = context.opening()
    if opening is not None:
        line = migration.position(opening.span.start)[0]
        message = f"{shown} fails: it stands in the transaction that BEGIN opens in line {line}, and Postgres refuses it in one"
        instead = "move it out of BEGIN and COMMIT" + (f", and {_HOW['elf']}" if migration.transactional else "")
        yield context.finding(message, instead=instead)
        return
    alone = len(context.section.statements) == 1
    if migration.layout in _COPES or (alone and migration.layout in _ALONE_IS_FINE):
        return
    mixed = context.once(_has_others)
    message = f"{shown} fails: the migration runs in a transaction, and Postgres refuses it in one"
    instead = _HOW.get(migration.layout, "have this file run outside a transaction")
    if mixed:
        instead = f"move it into a migration of its own, and there {instead}"
    yield context.finding(message, instead=instead, fix=_header_fix(context, mixed=mixed))


def _has_others(context: Context[Any]) -> bool:
    """Whether the section has statements that may run in a transaction."""
    return any(
        not isinstance(other, SetSetting) and not context.refuses_transaction(other) for other in context.changes
    )


def _header_fix(context: Context[Any], *, mixed: bool) -> Fix | None:
    migration = context.migration
    if migration.layout != "elf" or any(header.key == "transaction" for header in migration.headers):
        return None
    edits = context.add_header(HEADER)
    applicability = Applicability.SHOWN if mixed else Applicability.UNSAFE
    return Fix(f"add the header line `{HEADER}`", edits, applicability) if edits else None


def _statement_outside_transaction(context: Context[Outside]) -> Iterator[Finding]:
    change = context.change
    if isinstance(change, Migration):
        yield from _needless_header(context)
    elif isinstance(change, Transaction):
        number = context.transaction()
        around = number is not None and number >= 0  # below zero it is the block's own
        if change.statement.inside and change.kind in {"commit", "rollback"} and around:
            message = f"{change.kind.upper()} in a block fails: a transaction is open around the block"
            yield context.finding(message, instead=_HOW.get(context.migration.layout, ""))
    elif isinstance(change, LockTable):
        if context.transaction() is None and not change.statement.conditional:
            names = ", ".join(str(table) for table in change.tables)
            message = f"LOCK TABLE {names} fails: no transaction is open, so the lock would be gone at once"
            yield context.finding(message, instead="put BEGIN and COMMIT around it and what it protects")
    elif not getattr(change, "concurrently", False):
        yield from _refused(context)


def _needless_header(context: Context[Any]) -> Iterator[Finding]:
    migration = context.migration
    if migration.transactional or migration.layout != "elf":
        return
    changes = [change for change in (*context.changes, *context.undoing) if not isinstance(change, SetSetting)]
    needed = any(isinstance(change, _MAY_NEED) or context.refuses_transaction(change) for change in changes)
    header = next((header for header in migration.headers if header.key == "transaction"), None)
    if needed or header is None or len(changes) < 2:
        return
    end = header.span.end + len(migration.data[header.span.end : header.span.end + 2].split(b"\n")[0]) + 1
    fix = Fix("remove the header line", (Edit(Span(header.span.start, end), ""),), Applicability.UNSAFE)
    message = "no statement needs `Transaction: none`, and with it each commits alone: a failure leaves the migration half done"
    yield context.finding(
        message, header.span, severity=Severity.WARNING, instead="remove the header line", fix=fix,
        why="Without a transaction the statements before a failure stay; with one Postgres takes them back.",
    )  # fmt: skip


def _none(sql: str, more: str = "") -> str:
    return f"-- Version: 20250102_000000\n{HEADER}{more}\n\n-- ============= UP MIGRATION =============\n{sql}\n"


_TABLES = (
    "CREATE TABLE users (id UUID PRIMARY KEY, email TEXT);\n"
    "CREATE TABLE visits (at DATE) PARTITION BY RANGE (at);\nCREATE INDEX idx_visits_at ON visits (at);\n"
    "CREATE TABLE visits_2024 PARTITION OF visits FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');"
)
_INDEX = "CREATE INDEX CONCURRENTLY idx_users_email ON users (email);"
_PLAIN = "-- Version: 20250102_000000\n\n-- ============= UP MIGRATION =============\n"

CONCURRENTLY_IN_TRANSACTION = Rule(
    name="concurrently-in-transaction",
    family="transactions",
    severity=Severity.ERROR,
    summary="CONCURRENTLY where a transaction is open",
    why="CONCURRENTLY waits for other transactions to end and commits in between, so Postgres refuses it within a transaction: the release stops there.",
    instead=f"Put it into a migration of its own with the header line `{HEADER}`.",
    on=(CreateIndex, Drop, Reindex, DetachPartition),
    check=_concurrently_in_transaction,
    words=("concurrently",),
    sections=("up", "down"),
    bad=(
        Example(
            f"{_PLAIN}{_INDEX} -- finding\n",
            before=_TABLES,
            fixed=f"-- Version: 20250102_000000\n{HEADER}\n\n-- ============= UP MIGRATION =============\n{_INDEX}\n",
            unsafe=True,
        ),
        Example(f"ALTER TABLE users ADD COLUMN nick TEXT;\n{_INDEX} -- finding", before=_TABLES),
        Example("DROP INDEX CONCURRENTLY IF EXISTS idx_users_nick; -- finding", before=_TABLES),
        Example("REINDEX TABLE CONCURRENTLY users; -- finding", before=_TABLES),
        Example("ALTER TABLE visits DETACH PARTITION visits_2024 CONCURRENTLY; -- finding", before=_TABLES),
        Example(_none(f"BEGIN;\n{_INDEX} -- finding\nCOMMIT;"), before=_TABLES, runs="it fails, which is the point"),
    ),
    good=(
        Example(_none(_INDEX), before=_TABLES),
        Example(_none(f"SET lock_timeout = '5s';\n{_INDEX}\nRESET lock_timeout;\nANALYZE users;"), before=_TABLES),
        Example(_none(f"BEGIN;\nUPDATE users SET email = lower(email);\nCOMMIT;\n{_INDEX}"), before=_TABLES),
        Example("CREATE INDEX idx_users_email ON users (email);", before=_TABLES),
    ),
)

STATEMENT_OUTSIDE_TRANSACTION = Rule(
    name="statement-outside-transaction",
    family="transactions",
    severity=Severity.ERROR,
    summary="a statement that no transaction may hold within one, or `Transaction: none` without need",
    why="Postgres refuses VACUUM, ALTER SYSTEM, CREATE DATABASE and their like within a transaction: the release stops there.",
    instead=f"Put it into a migration of its own with the header line `{HEADER}`.",
    on=(Maintenance, Reindex, AlterSystem, Opaque, LockTable, Transaction, Migration),
    check=_statement_outside_transaction,
    sections=("up", "down"),
    bad=(
        Example(
            f"{_PLAIN}VACUUM users; -- finding\n",
            before=_TABLES,
            fixed=f"-- Version: 20250102_000000\n{HEADER}\n\n-- ============= UP MIGRATION =============\nVACUUM users;\n",
            unsafe=True,
        ),
        Example("VACUUM FULL; -- finding"),
        Example("ALTER SYSTEM SET work_mem = '16MB'; -- finding", runs="it changes the server for all"),
        Example("CREATE DATABASE reports; -- finding", runs="databases belong to the server"),
        Example("REINDEX SCHEMA public; -- finding\nREINDEX TABLE visits; -- finding", before=_TABLES),
        Example("CLUSTER; -- finding\nDISCARD ALL; -- finding"),
        Example(_none("LOCK TABLE users; -- finding"), before=_TABLES, runs="it fails, which is the point"),
        Example(
            _none("CREATE TABLE a (id UUID);\nCREATE TABLE b (id UUID);").replace(HEADER, f"{HEADER} -- finding"),
            fixed="-- Version: 20250102_000000\n\n-- ============= UP MIGRATION =============\nCREATE TABLE a (id UUID);\nCREATE TABLE b (id UUID);\n",
            unsafe=True,
        ),
    ),
    good=(
        Example(_none("VACUUM users;"), before=_TABLES),
        Example("ANALYZE users;\nREINDEX TABLE users;", before=_TABLES),
        Example(
            "REFRESH MATERIALIZED VIEW CONCURRENTLY totals;",
            before="CREATE MATERIALIZED VIEW totals AS SELECT 1 AS one;\nCREATE UNIQUE INDEX idx_totals_one ON totals (one);",
        ),
        Example(
            "ALTER TYPE mood ADD VALUE 'happy';\nBEGIN;\nLOCK TABLE users;\nCOMMIT;",
            before=f"{_TABLES}\nCREATE TYPE mood AS ENUM ('sad');",
        ),
        Example(
            _none("UPDATE users SET email = lower(email);\nALTER TABLE users ALTER COLUMN email SET DEFAULT '';"),
            before=_TABLES,
        ),
        Example(
            _none(
                "ALTER TABLE users ADD CONSTRAINT email_is_set CHECK (email <> '') NOT VALID;\nALTER TABLE users VALIDATE CONSTRAINT email_is_set;"
            ),
            before=_TABLES,
        ),
    ),
)

RULES = (CONCURRENTLY_IN_TRANSACTION, STATEMENT_OUTSIDE_TRANSACTION)
