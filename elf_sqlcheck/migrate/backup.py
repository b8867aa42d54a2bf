"""A copy of what a run may destroy, taken by pg_dump before anything runs.

It holds the schema of everything and the rows of the tables that the run may take rows or values from, all as of one
moment. See https://www.postgresql.org/docs/current/app-pgdump.html
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.errors import ElfError
from elf_sqlcheck.migrate.deploy import Attendant
from elf_sqlcheck.migrate.losses import at_risk
from elf_sqlcheck.postgres.clients import find_client
from elf_sqlcheck.shared.refusals import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from elf_sqlcheck.migrate.deploy import Step
    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.postgres.clients import Client
    from elf_sqlcheck.shared.connection import Parameters
    from elf_sqlcheck.shared.database import SupabaseExecutor

#: Never in a list of arguments, which everybody on the machine can read.
_SECRET = ("password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key")
_RELATIONS = """
SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind IN ('r', 'p') AS is_table,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable,
       pg_catalog.pg_table_size(c.oid)::bigint AS bytes,
       (SELECT d.refobjid FROM pg_catalog.pg_depend d
         WHERE c.relkind = 'S' AND d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
           AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i'))::bigint AS owner
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'm', 'f', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
 ORDER BY n.nspname, c.relname
"""


@dataclass(frozen=True)
class Made:
    """A backup: its file, of `bytes`, the tables whose rows are in it, the places in the migrations where it is not
    known which ones they change, tables left out because they may not be read, and commands for a shell that restore
    it, each with what it does.
    """

    path: str
    bytes: int
    tables: tuple[str, ...]
    unknown: tuple[str, ...]
    unreadable: tuple[str, ...]
    restore: tuple[tuple[str, str], ...]


class Backup(Attendant):
    """Takes the backup when a run begins.

    Args:
        executor: Says which server; asked for its version at once.
        folder: Where the file goes; made when it is not there.
        migrations: All files of the folder: their functions may be called.
        told: Gets what was made.
        lock_wait: For how many seconds pg_dump waits for a table that another session has locked.

    Raises:
        UsageError: There is no pg_dump that knows the server.
        DatabaseError: The server cannot be asked.
    """

    def __init__(
        self,
        executor: SupabaseExecutor,
        folder: str,
        migrations: Sequence[Migration],
        told: Callable[[Made], object],
        lock_wait: float = 60.0,
    ) -> None:
        self._folder = folder
        self._migrations = migrations
        self._told = told
        self._lock_wait = lock_wait
        self._program = find_client("pg_dump", executor.connection.info.server_version // 10000)

    def begins(self, executor: SupabaseExecutor, steps: Sequence[Step]) -> None:
        """Take it; raises ElfError when that fails, and leaves no half-written file."""
        risked, unknown = at_risk(executor, self._migrations, steps)
        relations = executor.query(_RELATIONS)
        arguments, unreadable = _selection(relations, risked)
        target = executor.target
        first = steps[0]
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        name = f"{first.migration.version}.before-{first.section.name}.{moment}.dump"
        path = os.path.join(self._folder, name)
        try:
            with _new_file(self._folder, name) as file:
                self._dump(target, arguments, file)
            size = os.path.getsize(path)
        except OSError as error:
            raise _failed(f"{path}: {error.strerror}", "Make room, or name a folder that you may write to.") from None
        self._told(
            Made(
                path,
                size,
                tuple(f"{row['schema']}.{row['name']}" for row in relations if row["oid"] in risked),
                tuple(unknown),
                tuple(unreadable),
                _commands(self._program, target, path, f"before_{first.migration.version}", _template(executor)),
            )
        )

    def _dump(self, target: Parameters, arguments: Sequence[str], file: int) -> None:
        command = [
            self._program.path,
            "--format=custom",
            "--no-password",
            "--no-blobs",
            f"--lock-wait-timeout={max(int(self._lock_wait * 1000), 1)}",
            *arguments,
            f"--dbname={_address(target)}",
        ]
        try:
            done = subprocess.run(  # noqa: S603 - pg_dump, no shell
                command, stdout=file, stderr=subprocess.PIPE, env=_environment(target), check=False
            )
        except OSError as error:
            raise _failed(f"{self._program.path}: {error.strerror}", "Check that program.") from None
        if done.returncode == 0:
            return
        said = redact(done.stderr.decode("utf-8", "replace"), target).strip().splitlines()
        why = next((line for line in said if "error:" in line), said[-1] if said else "")
        if done.returncode < 0:
            why = f"it was ended by signal {-done.returncode}"
        why = why.removeprefix("pg_dump: ").removeprefix("error: ")
        raise _failed(f"pg_dump: {why or f'it ended with {done.returncode}'}", _remedy(why))


@contextlib.contextmanager
def _new_file(folder: str, name: str) -> Iterator[int]:
    """Yield the descriptor of a file that only we can read, and that is there under its name once it is complete."""
    if not os.path.isdir(folder):
        os.makedirs(folder, mode=0o700)
        # Rows of a production database do not belong into a repository.
        with open(os.path.join(folder, ".gitignore"), "x", encoding="utf-8") as ignored:
            ignored.write("*\n")
    partial = os.path.join(folder, f".{name}.partial")
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        try:
            yield file
            os.fsync(file)
        finally:
            os.close(file)
        os.link(partial, os.path.join(folder, name))
    finally:
        os.unlink(partial)
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _selection(relations: Sequence[dict[str, Any]], risked: set[int]) -> tuple[list[str], list[str]]:
    """The arguments that leave out all rows but those of the tables at risk, and the tables that may not be read.

    Raises:
        ElfError: A table at risk may not be read.
    """
    wanted = [row for row in relations if row["oid"] in risked or row["owner"] in risked]
    closed = next((row for row in wanted if not row["readable"]), None)
    if closed:
        raise _failed(
            f"you may not read {closed['schema']}.{closed['name']}, which the run changes", "Connect as its owner."
        )
    full = {row["schema"] for row in wanted}
    bare = sorted({row["schema"] for row in relations} - full)
    kept = {row["oid"] for row in wanted}
    others = [row for row in relations if row["schema"] in full and row["oid"] not in kept]
    unreadable = [row for row in relations if row["is_table"] and not row["readable"]]
    arguments = [
        *(f"--exclude-table-data={_pattern(schema)}.*" for schema in bare),
        *(f"--exclude-table-data={_pattern(row['schema'], row['name'])}" for row in others),
        *(f"--exclude-table={_pattern(row['schema'], row['name'])}" for row in unreadable),
    ]
    return arguments, [f"{row['schema']}.{row['name']}" for row in unreadable]


def _pattern(*names: str) -> str:
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def _address(target: Parameters, **other: str | None) -> str:
    from psycopg.conninfo import make_conninfo

    return make_conninfo("", **{**{key: value for key, value in target.values.items() if key not in _SECRET}, **other})


def _shown_address(target: Parameters, **other: str) -> str:
    """The address as people type it in again, without what only long runs need."""
    long = {key: None for key in target.values if key.startswith(("keepalives", "connect_timeout"))}
    return _address(target, **{**long, **other})


def _environment(target: Parameters) -> dict[str, str]:
    password = target.values.get("password")
    return {**os.environ, "LC_MESSAGES": "C", **({"PGPASSWORD": str(password)} if password else {})}


def _commands(
    program: Client, target: Parameters, path: str, suffix: str, template: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    """What restores a backup: beside the database, to look at and copy from; or the rows where they were."""
    file = os.path.abspath(path)
    restore = program.sibling("pg_restore")
    beside = f"{target.values.get('dbname') or target.values.get('user') or 'postgres'}_{suffix}"
    anew, there = f"--dbname={_shown_address(target, dbname=beside)}", f"--dbname={_shown_address(target)}"
    made = [program.sibling("createdb"), f"--maintenance-db={_shown_address(target)}", *template, beside]
    # Without keys and triggers: those would miss the rows of other tables, which are not in the file.
    filled = [restore, "--section=pre-data", "--section=data", anew, file]
    rows = [restore, "--data-only", "--exit-on-error", "--single-transaction", there, file]
    return (
        (f"all of it in a new database {beside}", f"{shlex.join(made)} && {shlex.join(filled)}"),
        ("the rows, into tables that are empty now", shlex.join(rows)),
    )


def _template(executor: SupabaseExecutor) -> list[str]:
    """The option for an empty database: template1 may hold what the file brings, too."""
    found = executor.query("SELECT FROM pg_catalog.pg_database WHERE datname = 'template0'")
    return ["--template=template0"] if found else []


def _remedy(why: str) -> str:
    if "row-level security" in why:
        return "Connect as the owner of the table, or as a user with BYPASSRLS: row level security hides rows from you."
    if "lock timeout" in why:
        return "Another session has locked a table. Run it again when it is done, or give it longer with --lock-wait."
    if "No space left" in why:
        return "Make room, or name another folder."
    return "Remove the cause and run it again; or run it without --backup, when there is another copy."


def _failed(why: str, remedy: str) -> ElfError:
    return ElfError(f"The backup failed, so nothing was run: {why}.", remedy)
