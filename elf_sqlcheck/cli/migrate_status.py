"""How migrations stand, and what a run would do, as tables for people and data for machines."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import ElfError, UsageError
from elf_sqlcheck.migrate.history import History, State
from elf_sqlcheck.migrate.plan import APPLIED
from elf_sqlcheck.reports import inert
from elf_sqlcheck.shared import connection_test
from elf_sqlcheck.shared.concurrently import invalid_indexes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from elf_sqlcheck.cli.migrate_output import Output
    from elf_sqlcheck.cli.migrate_session import Session
    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.shared.database import SupabaseExecutor


def show_connection(output: Output, executor: SupabaseExecutor) -> None:
    """Print the connection test's sentence. Raises DatabaseError when it fails."""
    found = connection_test.test(executor)
    output.data["connection"] = {
        "server_version": found.server_version,
        "user": found.user,
        "database": found.database,
        "tls": found.tls,
        "read_only": found.read_only,
    }
    output.say(f"{found.text[0].upper()}{found.text[1:]}.", "warn" if found.read_only else "faint")


def show_list(
    output: Output, executor: SupabaseExecutor, migrations: Sequence[Migration], *, only_pending: bool
) -> None:
    """Print one line a migration: version, name, status, when and how long."""
    states = History(executor).read()
    rows = [_row(migration, states.get(migration.version)) for migration in migrations]
    if not only_pending:
        here = {migration.version for migration in migrations}
        rows += [_lost(state) for version, state in sorted(states.items()) if version not in here]
    else:
        rows = [row for row in rows if row["status"] not in APPLIED]
    output.data["migrations"] = sorted(rows, key=lambda row: str(row["version"]))
    if not rows:
        output.say("Nothing is pending." if only_pending else "There are no migrations yet: `elf-migrate create NAME`.")
        return
    heads = ("VERSION", "NAME", "STATUS", "EXECUTED", "MS")
    output.table(heads, [_cells(row) for row in output.data["migrations"]], status=2)


def show_status(output: Output, executor: SupabaseExecutor, migrations: Sequence[Migration], directory: str) -> bool:
    """Print the counts, then whatever needs somebody's attention, then what to do next.

    Returns whether there is anything: a migration that is pending, failed or changed, or whose file is missing.
    """
    states = History(executor).read()
    rows = [_row(migration, states.get(migration.version)) for migration in migrations]
    here = {migration.version for migration in migrations}
    lost = [_lost(state) for version, state in sorted(states.items()) if version not in here]
    counts = Counter(str(row["status"]) for row in rows)
    output.data.update(counts=dict(counts), migrations=[*rows, *lost])
    parts = ", ".join(f"{number} {status.replace('_', ' ')}" for status, number in sorted(counts.items()))
    output.say(f"{len(rows)} migration{'' if len(rows) == 1 else 's'} in {directory}: {parts or 'none'}.", "head")
    for row in rows:
        if row["status"] == "failed":
            output.say(f"  failed: {row['name']}: {str(row['error']).partition(chr(10))[0]}", "bad")
        elif row["status"] == "running":
            output.say(f"  running, or broken off: {row['name']}", "warn")
        if row["changed"]:
            output.say(f"  changed after it was executed: {row['name']}", "warn")
        if row["down_changed"]:
            output.say(
                f"  its DOWN section was changed after it was executed, which is allowed: {row['name']}", "faint"
            )
    for row in lost:
        output.say(f"  in the database, but its file is missing: {row['name']} ({row['status']})", "warn")
    if lost or any(row["changed"] for row in rows):
        output.say("    `elf-migrate repair` shows what differs, and proposes what to do.", "faint")
    output.data["invalid_indexes"] = invalid = [str(index) for index in invalid_indexes(executor)]
    for index in invalid:
        output.say(f"  INVALID, so no query uses it and every write pays for it: index {index}", "warn")
    if invalid:
        output.say(
            "    A CREATE INDEX CONCURRENTLY failed; `elf-migrate repair --drop-invalid` takes away what it left.",
            "faint",
        )
    applied = [row for row in rows if row["status"] == "completed"]
    if applied:
        last = max(applied, key=lambda row: str(row["version"]))
        output.say(f"Newest applied: {last['name']}, {last['executed_at']}.")
    waiting = [row for row in rows if row["status"] not in APPLIED]
    if waiting:
        output.say(f"Next: `elf-migrate up` would run {', '.join(str(row['name']) for row in waiting)}.")
    elif rows:
        output.say("Up to date.", "good")
    return bool(waiting or any(row["status"] in APPLIED for row in lost) or any(row["changed"] for row in rows))


def verify_history(output: Output, executor: SupabaseExecutor, expected: str) -> None:
    """Compute the hashes of the history anew, and say what does not fit.

    Raises:
        ElfError: Events were changed or taken out; exit code 1.
        UsageError: `expected` is no hash.
    """
    found = History(executor).check(expected)
    output.data["history"] = {
        "events": found.events,
        "older_events": found.older,
        "head": found.head,
        "problems": list(found.problems),
        "set_by_hand": list(found.by_hand),
    }
    for sentence in found.by_hand:
        output.say(f"  {sentence}", "warn")
    for sentence in found.problems:
        output.say(f"  {sentence}", "bad")
    if found.problems:
        number = len(found.problems)
        raise ElfError(
            f"The history was tampered with: {number} thing{'' if number == 1 else 's'} in it "
            f"do{'es' if number == 1 else ''} not fit.",
            "Compare it with a backup and with the logs of your deploys, and find out who may write to "
            "migration_history.",
        )
    older = f", and {found.older} from before there was a chain, which nothing proves" if found.older else ""
    output.say(f"The history is whole: {found.events} event{'' if found.events == 1 else 's'}{older}.", "good")
    output.say(f"Its newest event: {found.head or 'none'}")


def write_stats(session: Session, path: str | None) -> None:
    """Write the sizes of the tables into a file, or to standard output and nothing else there.

    Raises UsageError when the file cannot be written.
    """
    from elf_sqlcheck.migrate import stats

    output = session.output
    if path is None:
        output.stand_aside()
    with session.target() as target:
        found, measured_at = stats.measure(target.executor)
    text = stats.text(found, measured_at)
    if path is None:
        output.raw(inert.json(text))
        return
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", "name another file with --output-file") from error
    output.data.update(path=path, tables=len(found))
    output.say(f"Wrote the sizes of {len(found)} table{'' if len(found) == 1 else 's'} to {path}.", "good")
    output.say(f"Next: `elf-sqlcheck lint --stats {path}`.")


def changed(migrations: Sequence[Migration], states: Mapping[str, State]) -> list[Migration]:
    """Return the applied migrations whose UP section is no longer the one that was executed."""
    return [
        migration
        for migration in migrations
        if (state := states.get(migration.version)) and state.status == "completed" and state.changed(migration)
    ]


def _row(migration: Migration, state: State | None) -> dict[str, object]:
    return {
        "version": migration.version,
        "name": migration.name,
        "path": migration.path,
        "status": state.status if state else "pending",
        "executed_at": state.executed_at.strftime("%Y-%m-%d %H:%M:%S %Z") if state and state.executed_at else "",
        "execution_time_ms": state.ms if state else None,
        "error": state.error if state else "",
        "changed": bool(state and state.status == "completed" and state.changed(migration)),
        "down_changed": bool(state and state.status == "completed" and state.down_changed(migration)),
    }


def _lost(state: State) -> dict[str, object]:
    return {
        "version": state.version,
        "name": state.name,
        "path": "",
        "status": state.status,
        "executed_at": state.executed_at.strftime("%Y-%m-%d %H:%M:%S %Z") if state.executed_at else "",
        "execution_time_ms": state.ms,
        "error": state.error,
        "changed": False,
        "down_changed": False,
    }


def _cells(row: Mapping[str, object]) -> tuple[str, ...]:
    remark = ", changed since" if row["changed"] else "" if row["path"] else ", file missing"
    return (
        str(row["version"]),
        str(row["name"]).removeprefix(f"{row['version']}_"),
        str(row["status"]).replace("_", " ") + remark,
        str(row["executed_at"]),
        "" if row["execution_time_ms"] is None else str(row["execution_time_ms"]),
    )
