"""Foreign keys: indexed, of the right type, to something that is there, and careful about what they delete."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    AddColumn,
    AddConstraint,
    Applicability,
    CreateTable,
    Edit,
    Example,
    Fix,
    Name,
    Rule,
    Severity,
    nearest,
    quoted,
    snake,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from elf_sqlcheck.rule import Constraint, Context, Finding, Schema, Table, Type

    Keyed = CreateTable | AddColumn | AddConstraint

_KEYED = (CreateTable, AddColumn, AddConstraint)
_TEXTS = frozenset({"text", "varchar"})
_INTEGERS = ("int2", "int4", "int8")
#: Types that are certainly no domains, so two of them differ when their names do.
_BUILT_IN = frozenset(
    {"uuid", "text", "varchar", "bpchar", *_INTEGERS, "numeric", "date", "timestamp", "timestamptz", "bool"}
)
#: Statements that may create tables which the catalog does not see.
_UNSEEN = frozenset({"DoStmt", "CallStmt", "ExecuteStmt"})


def _foreign_keys(context: Context[Keyed]) -> Iterator[tuple[Name, Constraint]]:
    """The foreign keys that a change declares, each with its table."""
    change = context.change
    if isinstance(change, AddConstraint):
        if change.constraint.kind == "foreign key":
            yield change.table, change.constraint
        return
    table = change.name if isinstance(change, CreateTable) else change.table
    for constraint in change.constraints:
        if constraint.kind == "foreign key":
            yield table, constraint


def _listed(columns: tuple[str, ...]) -> str:
    return ", ".join(quoted(column) for column in columns)


def _unindexed_foreign_key(context: Context[Keyed]) -> Iterator[Finding]:
    seen: set[frozenset[str]] = set()
    for name, key in _foreign_keys(context):
        table = context.after.table(name)
        columns = frozenset(key.columns)
        if table is None or not key.enforced or table.persistence == "temporary" or columns in seen:
            continue
        # An index on a column that no migration made may be older than all migrations.
        unknown = not table.known and any(table.column(column) is None for column in columns)
        dropped = not table.has_keys_of(columns)
        parent = context.after.table(table.partition_of) if table.partition_of else None
        if unknown or dropped or (table.partition_of and parent is None):
            continue
        if any(_is_covered(context.after, owner, key) for owner in (table, parent)):
            continue
        seen.add(columns)
        index = snake("_".join(["idx", table.name.name, *key.columns]))
        statement = f"{context.keywords('CREATE INDEX IF NOT EXISTS')} {index} {context.keywords('ON')} {name} ({_listed(key.columns)});"
        message = (
            f"the foreign key ({_listed(key.columns)}) of table {name} has no index: each DELETE in {key.references} "
            f"reads all of {name}, and so does each join"
        )
        finding = context.finding(
            message, key.span, instead=statement, fix=_index_fix(context, table, index, statement)
        )
        yield context.provided(finding, _is_never_covered, tuple(o.name for o in (table, parent) if o), key)


def _is_never_covered(final: Schema, owners: tuple[Name, ...], key: Constraint) -> bool:
    return not any(_is_covered(final, final.table(name), key) for name in owners)


def _is_covered(schema: Schema, owner: Table | None, key: Constraint) -> bool:
    return owner is not None and schema.covering_index(owner, key.columns) is not None


def _made(context: Context[Any]) -> set[Name]:
    """The tables that the section makes."""
    return {context.after.resolve(change.name) for change in context.of(CreateTable)}


def _index_fix(context: Context[Keyed], table: Table, index: str, statement: str) -> Fix | None:
    """The index appended to UP; DOWN drops it where DOWN does not drop the whole table."""
    if context.after.index(Name(table.name.schema, index)):
        return None
    title = f"append CREATE INDEX {index}"
    if table.name in context.once(_made):
        return Fix(title, context.append(statement))
    schema = None if table.name.schema in context.after.search_path else table.name.schema
    if not context.migration.transactional:
        plain = context.keywords("CREATE INDEX")
        statement = statement.replace(plain, plain + context.keywords(" CONCURRENTLY"), 1)
    undo = context.prepend_down(f"{context.keywords('DROP INDEX IF EXISTS')} {Name(schema, index)};")
    return Fix(title, context.append(statement) + undo, Applicability.UNSAFE)


def _comparable(one: Type, other: Type) -> bool:
    """Whether the types are the same as far as a foreign key cares; True for what cannot be told."""
    one, other = one.stored, other.stored
    if one.schema or other.schema or not {one.name, other.name} <= _BUILT_IN:
        return True
    return (one.name == other.name or {one.name, other.name} <= _TEXTS) and one.dimensions == other.dimensions


def _foreign_key_type_mismatch(context: Context[Keyed]) -> Iterator[Finding]:
    for name, key in _foreign_keys(context):
        table = context.after.table(name)
        target = context.after.table(key.references) if key.references else None
        if table is None or target is None:
            continue
        referenced = key.ref_columns or (target.primary_key.columns if target.primary_key else ())
        for own, other in zip(key.columns, referenced, strict=False):
            column, wanted = table.column(own), target.column(other)
            if column is None or wanted is None or _comparable(column.type, wanted.type):
                continue
            kinds = column.type.stored, wanted.type.stored
            message = f"{name}.{quoted(own)} is {kinds[0]}, but {key.references}.{quoted(other)}, which it references, is {kinds[1]}"
            if kinds[0].name in _INTEGERS and kinds[1].name in _INTEGERS:
                narrow = _INTEGERS.index(kinds[0].name) < _INTEGERS.index(kinds[1].name)
                message += ": it overflows before the key does" if narrow else ": joins have to convert one of them"
            else:
                message += ": Postgres refuses the constraint, or every check has to convert"
            span, fix = key.span, None
            if not isinstance(context.change, AddConstraint) and column.default is None and not column.identity:
                span = column.type.span
                fix = Fix(f"make it {kinds[1]}", (Edit(span, str(kinds[1])),), Applicability.UNSAFE)
            yield context.finding(message, span, instead=f"{quoted(own)} {kinds[1]}", fix=fix)


def _foreign_key_to_missing(context: Context[Keyed]) -> Iterator[Finding]:
    for name, key in _foreign_keys(context):
        if key.references is None:
            continue
        target = context.now.resolve(key.references)
        if isinstance(context.change, CreateTable) and target == context.now.resolve(name):
            table = context.after.table(name)
        else:
            table = context.now.table(target)
            if table is None:
                yield from _to_missing_table(context, key, target)
                continue
        missing = [column for column in key.ref_columns if table and _is_missing(table, column)]
        for column in missing[:1]:
            assert table  # noqa: S101 - what is missing is missing in it
            dropped = "an earlier statement dropped it" if column in table.columns else "no migration makes it"
            close = nearest(column, [known for known, found in table.columns.items() if found])
            message = f"the foreign key of table {name} references {key.references}.{quoted(column)}, which is not there: {dropped}"
            yield context.finding(message, key.span, instead=f"REFERENCES {key.references} ({close})" if close else "")


def _is_missing(table: Table, column: str) -> bool:
    return table.column(column) is None and (
        column in table.columns or (table.known and table.complete and not table.inherits)
    )


def _to_missing_table(context: Context[Keyed], key: Constraint, target: Name) -> Iterator[Finding]:
    message = f"the foreign key references table {key.references}, "
    close = ""
    if context.now.is_absent("relation", target):
        message += "which an earlier statement dropped or renamed"
    elif context.now.relation(target) is not None:
        return
    elif target in context.once(_made):
        message += "which this migration makes only further down"
    elif _is_certain(context, target):
        close = nearest(target.name, [t.name.name for t in context.now.tables() if t.name.schema == target.schema])
        message += "which no migration makes"
        message += f"; is {close} meant?" if close else ""
    else:
        return
    yield context.finding(message, key.span, instead=f"REFERENCES {close}" if close else "")


def _is_certain(context: Context[Keyed], target: Name) -> bool:
    """Whether the migrations before this one made all of the schema's tables that we could know of.

    What an earlier migration refers to as well is there, or was reported there.
    """
    if context.before.is_referred_to(target):
        return False
    if not context.made_tables(target.schema):
        return False
    if any(context.number_of(dependency) < 0 for dependency in context.migration.dependencies):
        return False
    run = (*context.history, context.migration)
    return not any(m.broken or any(statement.kind in _UNSEEN for statement in m.up.statements) for m in run)


def _cascade_delete(context: Context[Keyed]) -> Iterator[Finding]:
    for name, key in _foreign_keys(context):
        if key.on_delete != "cascade":
            continue
        span = context.find_words(("on", "delete", "cascade"), key.span) or key.span
        message = f"deleting one row of {key.references} silently deletes all rows of {name} that refer to it, and what cascades from those"
        restrict = context.keywords("ON DELETE RESTRICT")
        fix = (
            Fix("refuse the deletion instead", (Edit(span, restrict),), Applicability.SHOWN)
            if span != key.span
            else None
        )
        yield context.finding(message, span, fix=fix)


_USERS = "CREATE TABLE users (id uuid PRIMARY KEY, email text UNIQUE);"

# fmt: off
RULES = (
    Rule(
        name="unindexed-foreign-key", family="foreign-keys", severity=Severity.ERROR, on=_KEYED, check=_unindexed_foreign_key,
        words=("references",),
        summary="a foreign key whose columns no index covers",
        why="Postgres indexes the referenced side only. Each DELETE or key UPDATE over there then reads the whole referencing table while it holds its locks, and joins do the same.",
        instead="CREATE INDEX idx_posts_user_id ON posts (user_id);",
        bad=(
            Example(
                "CREATE TABLE posts (\n    id uuid PRIMARY KEY,\n    user_id uuid REFERENCES users (id) -- finding\n);", before=_USERS,
                fixed="CREATE TABLE posts (\n    id uuid PRIMARY KEY,\n    user_id uuid REFERENCES users (id)\n);\n\nCREATE INDEX IF NOT EXISTS idx_posts_user_id ON posts (user_id);",
            ),
            Example("CREATE TABLE posts (\n    id uuid PRIMARY KEY,\n    user_id uuid,\n    CONSTRAINT fk_posts_user FOREIGN KEY (user_id) REFERENCES users -- finding\n);\nCREATE INDEX idx_posts_drafts ON posts (user_id) WHERE id IS NULL;", before=_USERS),
            Example(
                "-- ==== UP MIGRATION ====\nALTER TABLE posts ADD COLUMN user_id uuid REFERENCES users (id); -- finding\n\n-- ==== DOWN MIGRATION ====\nALTER TABLE posts DROP COLUMN IF EXISTS user_id;\n",
                before=_USERS + "\nCREATE TABLE posts (id uuid PRIMARY KEY);", unsafe=True,
                fixed="-- ==== UP MIGRATION ====\nALTER TABLE posts ADD COLUMN user_id uuid REFERENCES users (id);\n\nCREATE INDEX IF NOT EXISTS idx_posts_user_id ON posts (user_id);\n\n-- ==== DOWN MIGRATION ====\n\nDROP INDEX IF EXISTS idx_posts_user_id;\nALTER TABLE posts DROP COLUMN IF EXISTS user_id;\n",
            ),
            Example("ALTER TABLE posts ADD CONSTRAINT fk_posts_user_id FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID; -- finding", before=_USERS + "\nCREATE TABLE posts (id uuid PRIMARY KEY, user_id uuid);"),
            Example('CREATE SCHEMA blog;\nCREATE TABLE blog."posts" (id uuid, user_id uuid REFERENCES users (id), PRIMARY KEY (id, user_id)); -- finding', before=_USERS),
        ),
        good=(
            Example("CREATE TABLE posts (id uuid PRIMARY KEY, user_id uuid REFERENCES users (id));\nCREATE INDEX idx_posts_user_id ON posts (user_id, id);", before=_USERS),
            Example("CREATE TABLE profiles (user_id uuid PRIMARY KEY REFERENCES users (id), email text UNIQUE REFERENCES users (email));", before=_USERS),
            Example("CREATE TABLE posts (id uuid PRIMARY KEY, user_id uuid REFERENCES users (id));\nCREATE INDEX idx_posts_user_id ON posts (user_id) WHERE user_id IS NOT NULL;", before=_USERS),
            Example("CREATE TABLE posts (id uuid PRIMARY KEY, user_id uuid REFERENCES users (id));", before=_USERS, after="CREATE INDEX CONCURRENTLY idx_posts_user_id ON posts (user_id);"),
            Example("ALTER TABLE posts ADD CONSTRAINT fk_posts_user_id FOREIGN KEY (user_id) REFERENCES users (id);", before=_USERS + "\nCREATE TABLE posts (id uuid PRIMARY KEY, user_id uuid);\nCREATE INDEX idx_posts_user_id ON posts (user_id);"),
            Example("CREATE TABLE posts (id uuid PRIMARY KEY, user_id uuid REFERENCES users (id));\nALTER TABLE posts DROP COLUMN user_id;", before=_USERS),
            Example("ALTER TABLE legacy ADD CONSTRAINT fk_legacy_user_id FOREIGN KEY (user_id) REFERENCES users (id);", runs="legacy is older than all migrations, so its indexes are not known"),
            Example("CREATE TABLE lines (a uuid, b uuid, PRIMARY KEY (b, a), FOREIGN KEY (a, b) REFERENCES pairs);", before="CREATE TABLE pairs (a uuid, b uuid, PRIMARY KEY (a, b));"),
        ),
    ),
    Rule(
        name="foreign-key-type-mismatch", family="foreign-keys", severity=Severity.ERROR, on=_KEYED, check=_foreign_key_type_mismatch,
        words=("references",),
        summary="a foreign key whose type differs from the column it references",
        why="Postgres refuses what it cannot compare. What it can, it converts in every check and join; and an integer that references a bigint overflows one day, with the parent table none the wiser.",
        instead="give both columns the same type",
        bad=(
            Example("CREATE TABLE posts (\n    id uuid PRIMARY KEY,\n    user_id INTEGER NOT NULL REFERENCES users -- finding\n);", before="CREATE TABLE users (id bigserial PRIMARY KEY);", unsafe=True, fixed="CREATE TABLE posts (\n    id uuid PRIMARY KEY,\n    user_id bigint NOT NULL REFERENCES users\n);"),
            Example("CREATE TABLE posts (id uuid PRIMARY KEY, user_id text REFERENCES users (id)); -- finding", before=_USERS, runs="Postgres refuses it: there is no equality between text and uuid"),
            Example("ALTER TABLE posts ADD CONSTRAINT fk_posts_user_id FOREIGN KEY (user_id) REFERENCES users (id); -- finding", before="CREATE TABLE users (id integer PRIMARY KEY);\nCREATE TABLE posts (id uuid PRIMARY KEY, user_id bigint);"),
            Example("ALTER TABLE posts ADD COLUMN user_id smallint REFERENCES users; -- finding", before="CREATE TABLE users (id integer PRIMARY KEY);\nCREATE TABLE posts (id uuid PRIMARY KEY);"),
        ),
        good=(
            Example("CREATE TABLE posts (id uuid PRIMARY KEY, user_id uuid REFERENCES users (id), mail varchar(99) REFERENCES users (email));", before=_USERS),
            Example("CREATE TABLE posts (id uuid PRIMARY KEY, user_id integer REFERENCES users);", before="CREATE TABLE users (id serial PRIMARY KEY);"),
            Example("CREATE TABLE posts (id uuid PRIMARY KEY, user_id uuid REFERENCES people (id));", runs="no migration makes people, so its types are not known"),
            Example("CREATE DOMAIN key AS uuid;\nCREATE TABLE posts (id uuid PRIMARY KEY, user_id key REFERENCES users (id));", before=_USERS),
        ),
    ),
    Rule(
        name="foreign-key-to-missing", family="foreign-keys", severity=Severity.ERROR, on=_KEYED, check=_foreign_key_to_missing,
        words=("references",),
        summary="a foreign key to a table or column that is not there",
        why="The migration fails on every database that was built from these files: a new developer's, the pipeline's, the one restored after a disaster.",
        instead="reference a table that an earlier statement makes",
        bad=(
            Example("CREATE TABLE posts (id uuid PRIMARY KEY, user_id uuid REFERENCES usres (id)); -- finding", before=_USERS, runs="Postgres refuses it: there is no such table"),
            Example("CREATE TABLE posts (id uuid PRIMARY KEY, user_id uuid REFERENCES users (uid)); -- finding", before=_USERS, runs="Postgres refuses it: there is no such column"),
            Example("DROP TABLE users;\nCREATE TABLE posts (id uuid PRIMARY KEY, user_id uuid REFERENCES users (id)); -- finding", before=_USERS, runs="Postgres refuses it: the table is gone"),
            Example("ALTER TABLE posts ADD CONSTRAINT fk FOREIGN KEY (mail) REFERENCES users (email); -- finding", before=_USERS + "\nCREATE TABLE posts (id uuid PRIMARY KEY, mail text);\nALTER TABLE users DROP COLUMN email;", runs="Postgres refuses it: the column is gone"),
            Example("CREATE TABLE posts (id uuid PRIMARY KEY, tag_id uuid REFERENCES tags (id)); -- finding\nCREATE TABLE tags (id uuid PRIMARY KEY);", runs="Postgres refuses it: tags is made too late"),
        ),
        good=(
            Example("CREATE TABLE posts (id uuid PRIMARY KEY, user_id uuid REFERENCES users (id), parent_id uuid REFERENCES posts (id));", before=_USERS),
            Example("CREATE TABLE posts (id uuid PRIMARY KEY, team_id uuid REFERENCES teams (id));", runs="teams may be older than the migrations: there are no others"),
            Example("CREATE TABLE posts (id uuid PRIMARY KEY, user_id uuid REFERENCES auth.users (id));", before=_USERS, runs="auth belongs to Supabase"),
            Example("CREATE TABLE posts (id uuid PRIMARY KEY, team_id uuid REFERENCES teams (id));", before="CREATE TABLE users (id uuid PRIMARY KEY, team_id uuid REFERENCES teams (id));", runs="teams is older than the migrations: an earlier one refers to it, too"),
            Example("ALTER TABLE users RENAME COLUMN email TO mail;\nCREATE TABLE posts (id uuid PRIMARY KEY, mail text REFERENCES users (mail));", before=_USERS),
        ),
    ),
    Rule(
        name="cascade-delete", family="foreign-keys", severity=Severity.WARNING, on=_KEYED, check=_cascade_delete,
        words=("cascade",),
        summary="ON DELETE CASCADE",
        why="One DELETE in one table empties others without a word, and through their own cascades whole trees, in a single transaction that holds locks on all of them. It cannot be undone.",
        instead="ON DELETE RESTRICT and an explicit deletion, ON DELETE SET NULL, or a deleted_at column; if rows must go along, allow it with a reason",
        bad=(
            Example("CREATE TABLE posts (\n    id uuid PRIMARY KEY,\n    user_id uuid REFERENCES users (id)\n        ON DELETE CASCADE, -- finding\n    FOREIGN KEY (id) REFERENCES users ON UPDATE CASCADE ON DELETE CASCADE -- finding\n);", before=_USERS),
            Example("ALTER TABLE posts ADD COLUMN user_id uuid REFERENCES users ON DELETE CASCADE; -- finding", before=_USERS + "\nCREATE TABLE posts (id uuid PRIMARY KEY);"),
            Example("ALTER TABLE posts\n    ADD CONSTRAINT fk_posts_user_id FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE NOT VALID; -- finding", before=_USERS + "\nCREATE TABLE posts (id uuid PRIMARY KEY, user_id uuid);"),
        ),
        good=(
            Example("CREATE TABLE posts (id uuid PRIMARY KEY, a uuid REFERENCES users ON DELETE SET NULL, b uuid REFERENCES users ON DELETE RESTRICT ON UPDATE CASCADE);", before=_USERS),
            Example("-- nothing here says ON DELETE CASCADE\nCREATE TABLE posts (id uuid PRIMARY KEY, user_id uuid REFERENCES users (id));", before=_USERS),
        ),
    ),
)
