"""Files of one change that undo each other.

What the main branch lacks comes in the setting `main-added`, as the paths of the run; without it nothing is said.
"""

from __future__ import annotations

from os.path import basename

from elf_sqlcheck.rule import (
    AddColumn,
    AddConstraint,
    CreateFunction,
    CreateIndex,
    CreatePolicy,
    CreateTable,
    CreateTrigger,
    CreateView,
    Drop,
    DropColumn,
    DropConstraint,
    Example,
    Migration,
    Name,
    Rule,
    Severity,
    quoted,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.rule import Change, Context, Finding

    #: (kind, name, part of it or "")
    Made = tuple[str, Name, str]

_ROUTINES = frozenset({"function", "procedure", "routine"})


def _made(context: Context[Migration], change: Change) -> Made | None:
    """What a change makes anew, None for nothing that is looked for."""
    resolve = context.before.resolve
    match change:
        case CreateTable() if change.persistence != "temporary":
            return "relation", resolve(change.name), ""
        case CreateView(or_replace=False, temporary=False):
            return "relation", resolve(change.name), ""
        case CreateIndex() if change.name:
            return "relation", Name(resolve(change.table).schema, change.name), ""
        case CreateFunction(or_replace=False):
            return "function", resolve(change.name), ""
        case AddColumn():
            return "column", resolve(change.table), change.column.name
        case AddConstraint() if change.constraint.name:
            return "constraint", resolve(change.table), change.constraint.name
        case CreatePolicy():
            return "policy", resolve(change.table), change.policy.name
        case CreateTrigger(or_replace=False):
            return "trigger", resolve(change.table), change.trigger.name
    return None


def _dropped(context: Context[Migration], change: Change) -> Made | None:
    """What a change drops, in the same words."""
    if isinstance(change, (DropColumn, DropConstraint)):
        table = context.before.resolve(change.table)
        return (
            ("column", table, change.column) if isinstance(change, DropColumn) else ("constraint", table, change.name)
        )
    if not isinstance(change, Drop):
        return None
    kind = "function" if change.kind in _ROUTINES else change.kind if change.part else "relation"
    return kind, context.before.resolve(change.name), change.part or ""


def _undone_in_same_change(context: Context[Migration]) -> Iterator[Finding]:
    added = context.settings.get("main-added", ())
    if context.migration.path not in added:
        return
    earlier = [migration for migration in context.history if migration.path in added]
    if not earlier:
        return
    drops = [(what, change) for change in context.changes if (what := _dropped(context, change))]
    again = {_made(context, change) for change in context.changes} if drops else set()
    drops = [(what, change) for what, change in drops if what not in again]
    if not drops:
        return
    makers = {_made(context, change): migration for migration in earlier for change in context.changes_of(migration)}
    for what, change in drops:
        if what in makers:
            kind, name, part = what
            thing = (
                f"{kind} {quoted(part)} of {name}"
                if part
                else f"{change.kind if isinstance(change, Drop) else kind} {name}"
            )
            other = basename(makers[what].path)
            message = f"it drops {thing}, which {other} makes: the main branch has neither of the two files yet"
            yield context.finding(
                message, change.span, instead=f"take what makes it out of {other}, and this statement with it"
            )


_BEFORE, _PATH = "migrations/20250101_000000_before.sql", "migrations/20250102_000000_example.sql"
_BOTH = (("main-added", frozenset({_BEFORE, _PATH})),)
_ONE = (("main-added", frozenset({_PATH})),)
_NOTES = "CREATE TABLE notes (id uuid PRIMARY KEY, body text);\nCREATE INDEX idx_notes_body ON notes (body);\nALTER TABLE notes ADD COLUMN state text, ADD CONSTRAINT check_notes_state CHECK (state <> '');\nCREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';"

# fmt: off
RULES = (
    Rule(
        name="undone-in-same-change", family="files", severity=Severity.WARNING, on=(Migration,), check=_undone_in_same_change, words=("drop",),
        summary="a file that drops what another new file of the same change makes",
        why="Neither file is on the main branch yet, so nobody needs the way there and back. Each deployment would make it and drop it again, locks and all, and whoever reads the history has to work out that nothing came of it.",
        instead="take both statements out, or put the files together",
        bad=(
            Example("DROP INDEX idx_notes_body; -- finding\nALTER TABLE public.notes DROP COLUMN state; -- finding\nDROP FUNCTION one(); -- finding", before=_NOTES, settings=_BOTH),
            Example("DROP TABLE IF EXISTS notes; -- finding", before=_NOTES, settings=_BOTH),
            Example("ALTER TABLE notes DROP CONSTRAINT check_notes_state; -- finding", before=_NOTES, settings=_BOTH),
        ),
        good=(
            Example("DROP INDEX idx_notes_body;\nALTER TABLE notes DROP COLUMN state;", before=_NOTES, settings=_ONE),
            Example("DROP INDEX idx_notes_body;", before=_NOTES),
            Example("DROP INDEX idx_notes_body;\nCREATE INDEX idx_notes_body ON notes (body, state);", before=_NOTES, settings=_BOTH),
            Example("ALTER TABLE notes DROP CONSTRAINT check_notes_state;\nALTER TABLE notes ADD CONSTRAINT check_notes_state CHECK (state <> 'none');", before=_NOTES, settings=_BOTH),
        ),
    ),
)
