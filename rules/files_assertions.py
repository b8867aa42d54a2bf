"""The VERIFY section of a file: what must be true once UP is carried out."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    BrokenBody,
    Context,
    CreateTable,
    Example,
    Finding,
    Migration,
    Rule,
    Severity,
    Span,
    WriteRows,
    more_than_a_look,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_INSTEAD = "SELECT count(*) = 0 AS no_row_is_left FROM teams WHERE name IS NULL;"


def _unusable(context: Context[Migration]) -> Iterator[Finding]:
    migration = context.migration
    section = migration.verify
    if section is None:
        return
    broken = any(section.span.start <= one.piece.start < section.span.end for one in migration.broken)
    if not section.statements and not broken:
        start = migration.data.rfind(b"\n", 0, max(section.span.start - 1, 0)) + 1
        message = "the VERIFY section asks nothing, so whatever UP does passes"
        yield context.finding(message, Span(start, section.span.start), instead=_INSTEAD)
    for statement in section.statements:
        what = more_than_a_look(statement)
        if what:
            message = (
                f"this statement {what}, but VERIFY may only look: it runs in a read-only transaction, and is refused"
            )
            yield context.finding(message, statement.span, instead=_INSTEAD)
    for change in context.asserting():
        if isinstance(change, BrokenBody):
            message = f"Postgres refuses the body of this block: {change.broken.message}"
            yield context.finding(message, change.broken.span)
        elif isinstance(change, (WriteRows, CreateTable)) and change.statement.inside:
            message = "this block writes, but VERIFY may only look: it runs in a read-only transaction, and is refused"
            yield context.finding(message, change.statement.span, instead="RAISE EXCEPTION, or ASSERT, what is not so")


_PATH = "migrations/20250121_093000_add_teams.sql"
_FILE = (
    "-- Migration: Add Teams\n-- Version: 20250121_093000\n-- Description: Teams\n-- Irreversible: an example\n\n"
    "-- ============= UP MIGRATION =============\nCREATE TABLE IF NOT EXISTS teams (id UUID PRIMARY KEY, name TEXT);\n\n"
    "-- ============= VERIFY =============\n"
)

UNUSABLE_ASSERTION = Rule(
    name="unusable-assertion",
    family="files",
    severity=Severity.ERROR,
    summary="a VERIFY section that writes, or that asks nothing",
    why="VERIFY says what must be true once UP is carried out, and is read-only, so that asking changes nothing. "
    "A statement that writes fails there, and takes the whole migration back.",
    instead="Ask with SELECT, whose columns must all be true in each row, or with ASSERT or RAISE in a DO block; "
    "what writes belongs into UP.",
    on=(Migration,),
    check=_unusable,
    bad=(
        Example(_FILE + "INSERT INTO teams (id) VALUES (gen_random_uuid()); -- finding\n", path=_PATH),
        Example(_FILE + "SELECT * INTO kept FROM teams; -- finding\n", path=_PATH),
        Example(_FILE + "DO $$ BEGIN\nDELETE FROM teams; -- finding\nEND $$;\n", path=_PATH),
        Example(_FILE + "SELECT true;\nCOMMIT; -- finding\n", path=_PATH),
        Example(_FILE.rstrip("\n") + " -- finding\n-- to do\n", path=_PATH),
    ),
    good=(
        Example(_FILE + "SELECT to_regclass('teams') IS NOT NULL AS there;\n", path=_PATH),
        Example(_FILE + "DO $$ BEGIN\nASSERT (SELECT count(*) FROM teams) = 0, 'it is new';\nEND $$;\n", path=_PATH),
        Example(_FILE + "SET LOCAL search_path = public;\nSET CONSTRAINTS ALL IMMEDIATE;\nSELECT true;\n", path=_PATH),
    ),
)

RULES = (UNUSABLE_ASSERTION,)
