"""BEGIN and COMMIT in a migration: nested, unclosed, in the middle."""

from __future__ import annotations

from elf_sqlcheck.rule import Applicability, Example, Fix, Rule, SetSetting, Severity, Transaction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from elf_sqlcheck.rule import Context, Finding

#: These end the transaction that they stand in.
_ENDS = frozenset(["commit", "rollback", "prepare", "commit prepared", "rollback prepared"])
_WITHIN = frozenset(["savepoint", "release", "rollback to"])
#: These open a transaction themselves, which a BEGIN of the file does not nest in.
_OPENS = frozenset(["dbmate", "diesel", "flyway", "goose", "graphile-migrate", "sqlx"])


def _nested_transaction(context: Context[Transaction]) -> Iterator[Finding]:
    change = context.change
    if change.kind != "begin" or change.statement.inside:
        return
    opening = context.opening()
    migration = context.migration
    if opening is not None:
        line = migration.position(opening.span.start)[0]
        message = (
            f"BEGIN opens nothing: the transaction of line {line} is still open, and the next COMMIT ends that one"
        )
        yield context.finding(message, instead="leave out the inner BEGIN and COMMIT, or use SAVEPOINT")
    elif migration.layout in _OPENS and migration.transactional:
        closing = [c for c in context.of(Transaction) if c.kind == "commit"]
        message = f"{migration.layout} opens a transaction itself: this BEGIN opens none, and its COMMIT ends that of {migration.layout} too early"
        fix = None
        if len(closing) == 1:
            edits = (*context.remove_statement(change), *context.remove_statement(closing[0]))
            fix = Fix("remove BEGIN and COMMIT", edits, Applicability.UNSAFE)
        instead = "leave out BEGIN and COMMIT"
        yield context.finding(message, severity=Severity.WARNING, instead=instead, fix=fix)


def _unclosed_transaction(context: Context[Transaction]) -> Iterator[Finding]:
    change = context.change
    if change.statement.inside:
        return
    word = change.kind.upper()
    opening = context.opening()
    if change.kind == "begin":
        closed = context.once(_last_end) > context.place
        if not closed and opening is None:
            message = "the transaction that BEGIN opens is never committed: nothing of it stays"
            yield context.finding(
                message,
                instead="write COMMIT at its end, or leave BEGIN out: a migration runs in a transaction of its own",
            )
    elif change.kind in _WITHIN:
        if context.transaction() is None:
            yield context.finding(f"{word} fails: no transaction is open", instead="put BEGIN and COMMIT around it")
    elif opening is None or change.kind not in {"commit", "rollback"}:
        message = f"{word} without BEGIN ends the transaction that the migration runs in: what stands before it stays, what follows does not belong to it"
        yield context.finding(message, instead=f"leave {word} out, or write BEGIN before what it closes")
    elif context.migration.layout == "elf" and (
        change.kind == "rollback" or "chain" in context.text(change.span).lower()
    ):
        message = "ROLLBACK takes back what the migration did, and it would count as done"
        if change.kind == "commit":
            message = "COMMIT AND CHAIN opens a transaction that nothing closes"
        yield context.finding(message, instead="write COMMIT, or leave out both it and BEGIN")


def _last_end(context: Context[Any]) -> int:
    """The number of the last change that ends a transaction, -1 for none."""
    ends = [c for c in context.of(Transaction) if not c.statement.inside and c.kind in _ENDS]
    return context.place_of(ends[-1]) if ends else -1


def _only_begun_and_committed(context: Context[Any]) -> Transaction | None:
    """The first BEGIN of a section that has as many as it has COMMITs."""
    controls = [c for c in context.of(Transaction) if not c.statement.inside]
    kinds = [control.kind for control in controls]
    return controls[kinds.index("begin")] if 0 < kinds.count("begin") == kinds.count("commit") else None


def _transaction_in_the_middle(context: Context[Transaction]) -> Iterator[Finding]:
    change = context.change
    migration = context.migration
    if change.kind != "begin" or change.statement.inside or (migration.layout in _OPENS and migration.transactional):
        return
    if change is not context.once(_only_begun_and_committed):
        return
    numbers = {
        context.transaction(other) for other in context.changes if not isinstance(other, (SetSetting, Transaction))
    } - {None}
    if len(numbers) < 2 or not migration.transactional:
        return
    message = f"the section is run in {len(numbers)} pieces, each committed on its own: when a later one fails, the earlier ones stay"
    yield context.finding(message, instead="leave out BEGIN and COMMIT, or make a migration of each piece")


def _none(sql: str) -> str:
    return f"-- Version: 20250102_000000\n-- Transaction: none\n\n-- ============= UP MIGRATION =============\n{sql}\n"


_USERS = "CREATE TABLE users (id UUID PRIMARY KEY, email TEXT);"
_INDEX = "CREATE INDEX CONCURRENTLY idx_users_email ON users (email);"

NESTED_TRANSACTION = Rule(
    name="nested-transaction",
    family="transactions",
    severity=Severity.ERROR,
    summary="BEGIN while a transaction is open",
    why="Postgres has no nested transactions: the second BEGIN is a warning, the first COMMIT ends everything, and what follows is committed statement by statement.",
    instead="Leave out the inner BEGIN and COMMIT; SAVEPOINT is what nests.",
    on=(Transaction,),
    check=_nested_transaction,
    sections=("up", "down"),
    bad=(Example("BEGIN;\nCREATE TABLE a (id UUID);\nBEGIN; -- finding\nCREATE TABLE b (id UUID);\nCOMMIT;"),),
    good=(
        Example("BEGIN;\nCREATE TABLE a (id UUID);\nCOMMIT;"),
        Example("BEGIN;\nSAVEPOINT a;\nCREATE TABLE a (id UUID);\nRELEASE a;\nCOMMIT;"),
        Example(
            "DO $$ BEGIN PERFORM 1; END $$;\nCREATE FUNCTION one() RETURNS INT LANGUAGE sql BEGIN ATOMIC SELECT 1; END;"
        ),
    ),
)

UNCLOSED_TRANSACTION = Rule(
    name="unclosed-transaction",
    family="transactions",
    severity=Severity.ERROR,
    summary="COMMIT without BEGIN, or BEGIN without COMMIT",
    why="A migration runs in one transaction with its row in the history; a COMMIT of its own ends that halfway, a missing one loses the rest.",
    instead="Leave out BEGIN and COMMIT: a migration runs in a transaction of its own.",
    on=(Transaction,),
    check=_unclosed_transaction,
    sections=("up", "down"),
    bad=(
        Example("CREATE TABLE a (id UUID);\nCOMMIT; -- finding\nCREATE TABLE b (id UUID);"),
        Example("BEGIN; -- finding\nCREATE TABLE a (id UUID);"),
        Example("BEGIN;\nCREATE TABLE a (id UUID);\nROLLBACK; -- finding"),
        Example("BEGIN;\nCREATE TABLE a (id UUID);\nCOMMIT AND CHAIN; -- finding\nCREATE TABLE b (id UUID);"),
        Example(_none("SAVEPOINT a; -- finding"), runs="it fails, which is the point"),
    ),
    good=(
        Example("BEGIN;\nCREATE TABLE a (id UUID);\nCOMMIT;"),
        Example("START TRANSACTION;\nCREATE TABLE a (id UUID);\nEND;"),
        Example("BEGIN;\nSAVEPOINT a;\nCREATE TABLE a (id UUID);\nROLLBACK TO a;\nCOMMIT;"),
        Example("CREATE PROCEDURE in_batches() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;"),
    ),
)

TRANSACTION_IN_THE_MIDDLE = Rule(
    name="transaction-in-the-middle",
    family="transactions",
    severity=Severity.WARNING,
    summary="BEGIN … COMMIT around a part of a section",
    why="The section is run piece by piece. When a later piece fails the earlier ones stay, and neither UP nor DOWN fits what is there.",
    instead="Leave out BEGIN and COMMIT, or make a migration of each piece.",
    on=(Transaction,),
    check=_transaction_in_the_middle,
    sections=("up", "down"),
    bad=(
        Example("BEGIN; -- finding\nCREATE TABLE a (id UUID);\nCOMMIT;\nBEGIN;\nCREATE TABLE b (id UUID);\nCOMMIT;"),
        Example("CREATE TABLE a (id UUID);\nBEGIN; -- finding\nINSERT INTO a VALUES (gen_random_uuid());\nCOMMIT;"),
    ),
    good=(
        Example("SET statement_timeout = '1min';\nBEGIN;\nCREATE TABLE a (id UUID);\nCOMMIT;"),
        Example(_none(f"BEGIN;\nUPDATE users SET email = lower(email);\nCOMMIT;\n{_INDEX}"), before=_USERS),
    ),
)

RULES = (NESTED_TRANSACTION, UNCLOSED_TRANSACTION, TRANSACTION_IN_THE_MIDDLE)
