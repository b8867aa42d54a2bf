"""What statements do to access, rows, settings and transactions."""

from __future__ import annotations

from elf_sqlcheck.catalog.change import Change, TableChange
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elf_sqlcheck.catalog.objects import Expression, Name, Policy, Type
    from elf_sqlcheck.model import Broken, Span


class CreatePolicy(TableChange):
    policy: Policy


class AlterPolicy(TableChange):
    """What is None stays as it is."""

    name: str
    roles: tuple[str, ...] | None = None
    using: Expression | None = None
    check: Expression | None = None


class Grant(Change):
    """GRANT or REVOKE (`revoke`) on objects. `kind` is "table", "sequence", "schema", "function", "type", …;
    `all_in_schema` means that `objects` are schemas and the grant is ON ALL … IN SCHEMA. `privileges` in lower case,
    empty for ALL; `columns` those of column privileges. Grantees: role names, "public" for PUBLIC. `arguments` are the
    parameter types of each function among the objects, None where the text gives none.
    """

    kind: str
    objects: tuple[Name, ...]
    privileges: tuple[str, ...]
    grantees: tuple[str, ...]
    revoke: bool = False
    all_in_schema: bool = False
    with_grant_option: bool = False
    cascade: bool = False
    columns: tuple[str, ...] = ()
    arguments: tuple[tuple[Type, ...] | None, ...] = ()


class GrantRole(Change):
    roles: tuple[str, ...]
    grantees: tuple[str, ...]
    revoke: bool = False


class DefaultPrivileges(Change):
    """ALTER DEFAULT PRIVILEGES; `schemas` and `for_roles` empty: all, and the current role."""

    kind: str
    privileges: tuple[str, ...]
    grantees: tuple[str, ...]
    schemas: tuple[str, ...] = ()
    for_roles: tuple[str, ...] = ()
    revoke: bool = False
    with_grant_option: bool = False


class Role(Change):
    """CREATE or ALTER (`alter`) ROLE/USER. `options` as (name, value) in lower case, as ("superuser", "true").

    `password` is where a literal password stands.
    """

    name: str
    alter: bool = False
    options: tuple[tuple[str, str], ...] = ()
    password: Span | None = None


class Secretive(Change):
    """A place where a credential is written as a literal: `what` says which, `value` where.

    User mappings, subscriptions, dblink connection strings, keys of pgp_sym_encrypt and their like.
    """

    what: str
    value: Span


class WriteRows(Change):
    """INSERT, UPDATE, DELETE, MERGE, COPY … FROM, TRUNCATE (`kind`). `filtered` is whether it has a WHERE;
    `from_query` whether an INSERT takes rows from a query that reads tables. Of UPDATE and DELETE `where` is the
    condition, of UPDATE `columns` are those that it sets.
    """

    kind: str
    table: Name
    filtered: bool = False
    from_query: bool = False
    cascade: bool = False
    where: Expression | None = None
    columns: tuple[str, ...] = ()


class ReadRows(Change):
    """A SELECT, CALL or COPY … TO at the top level, or an expression of plpgsql; `functions` are those it calls."""

    functions: tuple[str, ...] = ()


class SetSetting(Change):
    """SET or RESET of a setting. `value` None: RESET or DEFAULT; `local` is SET LOCAL (or set_config(…, true))."""

    name: str
    value: str | None
    local: bool = False


class Transaction(Change):
    """`kind` is "begin", "commit", "rollback", "savepoint", "release", "rollback to", "prepare" and the like."""

    kind: str


class LockTable(Change):
    tables: tuple[Name, ...]
    mode: str
    nowait: bool = False


class Maintenance(Change):
    """VACUUM, ANALYZE, CLUSTER, CHECKPOINT (`kind`, "vacuum full" apart); `name` None: the whole database."""

    kind: str
    name: Name | None = None


class AlterSystem(Change):
    """ALTER SYSTEM and CREATE/DROP/ALTER DATABASE or TABLESPACE: what acts on the whole server."""

    what: str


class Do(Change):
    """A DO block; `body` is its text, `body_span` where that stands."""

    body: str
    body_span: Span
    language: str = "plpgsql"


class Call(Change):
    """A call, anywhere in a statement, of a function that reaches out of the database: to files of the server, to
    other databases, to the network. `name` has its schema where the text gives one (`net.http_post`).
    """

    name: str


class Unknown(Record):
    """A part of a text that is known only when it runs: `text` is its expression.

    `quoting` says how it is made safe: "identifier" (`%I`, `quote_ident`), "literal" (`%L`, a number, a uuid), or ""
    for not at all. `argument` is whether it comes from an argument of the function.
    """

    text: str
    quoting: str = ""
    argument: bool = False


class Execute(Change):
    """EXECUTE of a text that is not known before it runs. `parts` are what is known of it and what is not, in order;
    what is known altogether comes as the changes that it makes, and not as an Execute.
    """

    parts: tuple[str | Unknown, ...]

    @property
    def computed(self) -> tuple[Unknown, ...]:
        """The parts that are not known."""
        return tuple(part for part in self.parts if isinstance(part, Unknown))


class BrokenBody(Change):
    """The body of a function or DO block, or a statement in it, that Postgres would refuse as no SQL."""

    broken: Broken
