"""Names of constraints: they say what the constraint holds."""

from __future__ import annotations

from elf_sqlcheck.later import later
from elf_sqlcheck.rule import (
    AddColumn,
    AddConstraint,
    Applicability,
    CreateTable,
    Edit,
    Example,
    Fix,
    Rule,
    Severity,
    Span,
    is_snake,
    quoted,
    snake,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.rule import Constraint, Context, Finding

_MEANINGLESS = later(r"(?:constraint|cons|con|c|check|chk|ck|fk|pk|uk|uq|unique|key|idx|test|tmp|new)?_?\d*")


def _constraint_name(context: Context[CreateTable | AddColumn | AddConstraint]) -> Iterator[Finding]:
    change = context.change
    if isinstance(change, AddConstraint):
        yield from _judge_constraint(context, change.table.name, change.constraint, needed=True)
        return
    table = change.name.name if isinstance(change, CreateTable) else change.table.name
    for constraint in change.constraints:
        needed = not constraint.inline and len(_columns_of(constraint)) > 1
        yield from _judge_constraint(context, table, constraint, needed=needed)


_PREFIXES = {"foreign key": "fk", "unique": "uq", "check": "check", "exclude": "excl"}


def _judge_constraint(
    context: Context[CreateTable | AddColumn | AddConstraint], table: str, constraint: Constraint, *, needed: bool
) -> Iterator[Finding]:
    """Postgres' own name of a primary key, <table>_pkey, is as good as any, so an unnamed one passes."""
    name = constraint.name
    if name is None:
        if not needed or constraint.kind not in _PREFIXES or constraint.using_index:
            return
        proposal = _constraint_proposal(table, constraint)
        place = Span(constraint.span.start, constraint.span.start)
        edit = Edit(place, f"{context.keywords('CONSTRAINT')} {proposal} ")
        message = f"the {constraint.kind} constraint on {quoted(table)} has no name: Postgres invents one"
        fix = Fix(f"name it {proposal}", (edit,), Applicability.UNSAFE)
        yield context.finding(message, constraint.span, instead=f"CONSTRAINT {proposal} …", fix=fix)
    elif not is_snake(name):
        message = f"constraint {quoted(name)} is not lower_snake_case"
        yield context.finding(message, constraint.span, instead=f"name it {snake(name)}")
    elif _MEANINGLESS.fullmatch(name):
        message = f"the name of constraint {name} does not say what it holds"
        better = _constraint_proposal(table, constraint)
        yield context.finding(message, constraint.span, instead=f"name it {better}")


def _constraint_proposal(table: str, constraint: Constraint) -> str:
    return snake("_".join([_PREFIXES.get(constraint.kind, "check"), table, *_columns_of(constraint)[:3]]))


def _columns_of(constraint: Constraint) -> tuple[str, ...]:
    return constraint.columns or (constraint.expression.columns if constraint.expression else ())


# fmt: off
RULES = (
    Rule(
        name="constraint-name", family="naming", severity=Severity.WARNING, on=(CreateTable, AddColumn, AddConstraint), check=_constraint_name,
        summary="a constraint has no name, or one that says nothing",
        why="The name is what a user's error message and the DOWN section show; one that Postgres invented differs between databases that took other ways.",
        instead="CONSTRAINT fk_posts_user_id FOREIGN KEY (user_id) REFERENCES users (id)",
        bad=(Example("ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES users (id); -- finding", before="CREATE TABLE users (id uuid PRIMARY KEY);\nCREATE TABLE posts (id uuid PRIMARY KEY, user_id uuid);", fixed="ALTER TABLE posts ADD CONSTRAINT fk_posts_user_id FOREIGN KEY (user_id) REFERENCES users (id);", unsafe=True),
            Example("create table seats (\n    id uuid primary key,\n    hall text,\n    place integer,\n    unique (hall, place) -- finding\n);", fixed="create table seats (\n    id uuid primary key,\n    hall text,\n    place integer,\n    constraint uq_seats_hall_place unique (hall, place)\n);", unsafe=True),
            Example('CREATE TABLE seats (\n    id uuid PRIMARY KEY,\n    place integer CONSTRAINT "PlaceOK" CHECK (place > 0), -- finding\n    CONSTRAINT chk1 CHECK (place < 1000), -- finding\n    opens time, closes time,\n    CHECK (opens < closes) -- finding\n);')),
        good=(Example("ALTER TABLE users ADD CONSTRAINT check_status_valid\nCHECK (status IN ('active', 'inactive', 'suspended')) NOT VALID;", before="CREATE TABLE users (id uuid PRIMARY KEY, status text);"),
            Example("CREATE TABLE seats (id uuid PRIMARY KEY, place integer CHECK (place > 0), hall text UNIQUE, CHECK (place < 99));"),
            Example("CREATE TABLE user_teams (user_id uuid, team_id uuid, PRIMARY KEY (user_id, team_id));"),
            Example("ALTER TABLE notes ADD PRIMARY KEY (id);", before="CREATE TABLE notes (id uuid NOT NULL);")),
    ),
)
