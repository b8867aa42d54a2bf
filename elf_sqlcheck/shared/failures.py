"""Postgres' errors as `MigrationFailed`: which statement, in whose words, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.errors import MigrationFailed
from elf_sqlcheck.model import Span
from elf_sqlcheck.tools import LAYOUTS

if TYPE_CHECKING:
    import psycopg

    from elf_sqlcheck.model import Migration, Section, Statement
    from elf_sqlcheck.shared.pieces import Piece

#: What to do, by SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html) or by its class.
REMEDIES = {
    "22P02": "A value does not have the form of its column's type. Correct the value or the type.",
    "23502": "Rows leave the column empty that shall be NOT NULL. Fill them first (UPDATE … WHERE … IS NULL), or give "
    "the column a DEFAULT.",
    "23503": "Rows point at rows that do not exist. Correct or delete them first, or add the key as NOT VALID and "
    "VALIDATE it once the rows are right.",
    "23505": "Rows hold the same value twice. Remove the duplicates first; INSERTs can say ON CONFLICT DO NOTHING.",
    "23514": "Rows break the check. Correct them first, or add the check as NOT VALID and VALIDATE it later.",
    "25006": "The server or the session is read-only. Connect to the primary server.",
    "25P01": "Leave BEGIN, COMMIT and ROLLBACK out: a migration runs in a transaction of its own.",
    "25P02": "An earlier statement failed. Leave SAVEPOINT and ROLLBACK out, and look at that statement.",
    "28P01": "Check the password.",
    "2BP01": "Other objects depend on it. Drop or change those first, in the same section.",
    "3D000": "There is no such database on this server.",
    "3F000": "The schema is not there. Create it first (CREATE SCHEMA IF NOT EXISTS), or add the migration that makes "
    "it to the Dependencies. Those of a Supabase project (auth, storage, …) are there for verify and elf-migrate local "
    'with `profile = "supabase"` in the configuration.',
    "40P01": "It waited for another session that waited for it. Run it again when less is going on.",
    "42501": "The user may not do this. Connect as the owner of the object, or have its owner grant the right; in "
    "schemas that Supabase manages (auth, storage, realtime) not even `postgres` may.",
    "42601": "Correct the syntax there. Commands of psql (\\connect, \\i) and of other databases are not SQL that "
    "Postgres knows.",
    "42703": "Check the column's name, and whether a migration that adds it is named in the Dependencies.",
    "42704": "Check the name; a type may need its extension (CREATE EXTENSION IF NOT EXISTS), a role must be created "
    "before it is granted anything.",
    "42710": "An object of that name is already there. Say IF NOT EXISTS or OR REPLACE, or drop the old one first.",
    "42723": "A function of that name and those arguments is already there. Say CREATE OR REPLACE.",
    "42701": "The column is already there. Say ADD COLUMN IF NOT EXISTS.",
    "42804": "The types do not fit. Add a cast, or USING for ALTER COLUMN … TYPE.",
    "42883": "Check the function's name and the types of its arguments; it may need its extension "
    "(CREATE EXTENSION IF NOT EXISTS).",
    "42P01": "Check the name and the schema, and whether the migration that makes it is named in the Dependencies.",
    "42P06": "The schema is already there. Say CREATE SCHEMA IF NOT EXISTS.",
    "42P07": "It is already there. Say IF NOT EXISTS; if it was made by hand, check that it has the same form.",
    "42P16": "Postgres cannot change the object that way. Drop it and create it anew.",
    "42P17": "Postgres cannot use that there: expressions of indexes and generated columns must be IMMUTABLE.",
    "0A000": "Postgres does not support this. Look for another way in the manual.",
    "53100": "The server's disk is full. Make room, then run it again.",
    "53200": "The server has no memory left for it. Make it smaller, or run it in parts.",
    "53300": "The server has no free connection. Close other clients, then run it again.",
    "55000": "The object is not in a state in which that can be done.",
    "55006": "The object is in use by another session. Wait until it is free, then run it again.",
    "55P03": "Another session holds a lock on it for longer than lock_timeout allows. Run it again when less is going "
    "on, or end that session.",
    "55P04": "A label added to an enum cannot be used in the same transaction. Put its use in a migration of its own.",
    "57014": "It took longer than statement_timeout allows, or somebody cancelled it. Do it in smaller parts, or "
    "`SET LOCAL statement_timeout` in the migration.",
    "58P01": "The extension is not installed on this server.",
    "P0001": "The migration's own code raised this.",
    "08": "The connection was lost. Run it again: what had been carried out is known from the history.",
    "57P": "The server is being shut down or ended the session. Run it again when it is back.",
}  # fmt: skip


def remedy_for(sqlstate: str, detail: str = "", layout: str = "elf") -> str:
    """Return what to do about an error of Postgres, or "" when nothing general can be said."""
    if sqlstate == "25001":
        return f"The statement cannot run in a transaction. It needs {LAYOUTS[layout]}."
    if sqlstate == "0A000" and "is not available" in detail:
        return REMEDIES["58P01"]
    return REMEDIES.get(sqlstate) or REMEDIES.get(sqlstate[:3]) or REMEDIES.get(sqlstate[:2], "")


def statement_failed(
    error: psycopg.Error,
    migration: Migration,
    section: Section,
    piece: Piece,
    *,
    answered: int,
    completed: int,
    state: str,
    before: int = 0,
) -> MigrationFailed:
    """Return the error for a statement that the server refused.

    Args:
        error: What psycopg made of the server's answer.
        migration: Whose section was sent.
        section: The section that it belongs to.
        piece: The piece that was sent.
        answered: How many of the piece's statements the server had already carried out.
        completed: How many of the section's statements stay carried out.
        state: A sentence about what stays and what does not.
        before: How many characters were sent before the piece.
    """
    diag = error.diag
    offset = _offset(migration, piece, diag.statement_position, before)
    statement = _statement(piece, answered, offset)
    span = statement.span if statement else _broken(migration, offset)
    said = (diag.message_primary or str(error)).strip()
    where = migration.position(span.start)[0] if span else None
    path = migration.path_at((span or section.span).start)
    message = f"{path}{f':{where}' if where else ''}: {section.name.upper()} failed: {said}"
    if offset is not None and span is not None:
        line, column = migration.position(offset)
        if line != where:
            message += f" (at line {line}, column {column})"
    told = (("detail", diag.message_detail), ("Postgres advises", diag.message_hint))
    extra = [f"{label}: {text}" for label, text in told if text]
    if diag.context and offset is None:
        extra.append(f"where: {diag.context.splitlines()[0]}")
    message += "".join(f"\n  {line}" for line in extra)
    sqlstate = error.sqlstate or ""
    return MigrationFailed(
        f"{message}\n  {state}",
        remedy_for(sqlstate, said, migration.layout),
        span=span,
        sqlstate=sqlstate,
        detail="; ".join([said, *extra]),
        completed=completed,
        table=(diag.schema_name or "", diag.table_name or ""),
        column=diag.column_name or "",
    )


def own_commit(migration: Migration, section: Section, piece: Piece, kept: int, *, rest_stays: bool) -> MigrationFailed:
    """Return the error for a section that ended its transaction, unseen by the parser.

    `kept` statements were answered when its last COMMIT went through; `rest_stays` says that no transaction was open at
    the end: Postgres has then committed what follows the last COMMIT or ROLLBACK, too. See
    https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT
    """
    stays = f"its first {kept} statements were committed and stay" if kept else "what stood before was rolled back"
    if rest_stays:
        stays += "; what follows its last COMMIT or ROLLBACK was committed, too"
    return MigrationFailed(
        f"{migration.path}: {section.name.upper()} ended the transaction that it ran in, by a COMMIT or ROLLBACK "
        f"of its own: {stays}; the history says nothing of them.",
        "Leave BEGIN, COMMIT and ROLLBACK out. What stays has to be undone or completed by hand.",
        span=piece.span,
        sqlstate="25P01",
        completed=kept,
    )


def rolled_back_at_commit(migration: Migration, section: Section, piece: Piece) -> MigrationFailed:
    """Return the error for a transaction that Postgres answered COMMIT with a rollback."""
    return MigrationFailed(
        f"{migration.path}: {section.name.upper()} was rolled back when it was to be committed: something in its "
        "transaction had failed without being told.",
        remedy_for("25P02"),
        span=piece.span,
        sqlstate="25P02",
    )


def went_away(
    migration: Migration,
    section: Section,
    where: str,
    done: int,
    *,
    unknown: bool,
    span: Span | None = None,
    said: str = "",
) -> MigrationFailed:
    """Return the error for a connection lost after `done` statements; `unknown`: maybe the next was carried out.

    `span` is the statement that was running, where that is known, `said` what the server said before it went.
    """
    if unknown:
        state = "Whether its last statement was carried out is not known; the history, read again, will tell."
    else:
        state = f"The server rolls back the transaction that was open; {stays(done)}"
    return MigrationFailed(
        f"{migration.path}: the server at {where} went away while {section.name.upper()} ran. {state}",
        "Check the server, then run it again.",
        span=span or section.span,
        sqlstate="08006",
        detail=said.strip(),
        completed=done,
        unknown=unknown,
    )


def what_stays(done: int, kept: int, *, is_alone: bool) -> str:
    """The sentence about what stays carried out: `done` statements, and `kept` by a COMMIT of the piece that failed."""
    if kept:
        return f"It held a COMMIT of its own: its first {kept} statements stay carried out, without history."
    if is_alone:
        return f"It ran outside a transaction: {stays(done)}"
    also = f"; the {done} statements before it stay carried out." if done else "; nothing of it stays."
    return f"Its transaction was rolled back{also}"


def stays(done: int) -> str:
    """The half sentence about the statements before the one that failed."""
    return f"the {done} statements before it stay carried out." if done else "nothing before it was carried out."


def _offset(migration: Migration, piece: Piece, position: str | None, before: int) -> int | None:
    """The byte in the file for a position of Postgres, which counts characters of the query from 1."""
    if not position:
        return None
    text = piece.text(migration).decode("utf-8", "surrogateescape")
    return piece.span.start + len(text[: max(int(position) - 1 - before, 0)].encode("utf-8", "surrogateescape"))


def _statement(piece: Piece, answered: int, offset: int | None) -> Statement | None:
    if offset is not None:
        for statement in piece.statements:
            if statement.span.start <= offset < statement.span.end:
                return statement
        return None
    # One answer comes for each statement that was carried out, so the next one is the one that failed.
    return piece.statements[answered] if answered < len(piece.statements) else None


def _broken(migration: Migration, offset: int | None) -> Span | None:
    if offset is None:
        return None
    end = migration.data.find(b"\n", offset)
    return Span(offset, end if end > offset else min(offset + 1, len(migration.data)))
