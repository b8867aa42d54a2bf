"""The command `elf-migrate init`: folder, tracking tables, and migrations for what exists already."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from elf_sqlcheck.migrate import create

if TYPE_CHECKING:
    from elf_sqlcheck.cli.migrate_session import Session
    from elf_sqlcheck.migrate.target import Target
    from elf_sqlcheck.model import Migration

#: Where SQL that is no migration yet is looked for.
USUAL_SQL = "sql"


def run(session: Session, *, from_database: bool, from_sql: str | None, yes: bool) -> None:
    """Carry out the command; what is there already is left as it is, so it can be run again."""
    from elf_sqlcheck.migrate.history import History

    output, directory = session.output, session.directory
    output.data["created"] = []
    if not os.path.isdir(directory):
        os.makedirs(directory)
        output.say(f"Made the folder {directory}/.", "good")
    _configuration(session)
    folder = from_sql or (USUAL_SQL if os.path.isdir(USUAL_SQL) and not from_database else None)
    if folder:
        _from_sql(session, folder)
    with session.target() as target:
        session.allow(target, "Set up the tracking tables", yes=yes)
        History(target.executor).prepare()
        output.say("The tracking tables schema_migrations and migration_history are there.", "good")
        if from_database:
            _from_database(session, target)
    _keep_findings(session)
    waiting = output.data["created"]
    output.say(
        "Next: `elf-migrate validate`, then `elf-migrate up`." if waiting else "Next: `elf-migrate create NAME`."
    )


_SETTINGS = """\
profile = "supabase"  # "" for a Postgres that is not Supabase's
lock-timeout = "5s"   # how long a migration waits for a lock; then it fails, and nothing has happened
"""


def _configuration(session: Session) -> None:
    """Write down which folder holds the migrations, where no configuration says anything yet."""
    config = session.config
    path = os.path.join(config.root, "elf-sqlcheck.toml")
    if session.isolated or config.path or not config.root or os.path.exists(path):
        return
    folder = os.path.relpath(session.directory, config.root).replace(os.sep, "/")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"dir = {json.dumps(folder)}\n{_SETTINGS}")
    session.reload()
    session.output.say("Wrote elf-sqlcheck.toml, the configuration of this project.", "good")


def _keep_findings(session: Session) -> None:
    """Take for known what the rules find in files made from what exists: it is no news, and must not stop a deploy."""
    from elf_sqlcheck import run, sources
    from elf_sqlcheck.baseline import Baseline, load
    from elf_sqlcheck.cli import meaning
    from elf_sqlcheck.reports import counted

    config, output = session.config, session.output
    created = {os.path.basename(path) for path in output.data["created"]}
    if not created or session.isolated:
        return
    whole = sources.whole(session.directory, config.layout)
    folders = [whole.replace(judged=frozenset(path for path in whole.files if os.path.basename(path) in created))]
    rules = run.ruleset(config)
    checked = run.check(folders, rules, config)
    path = meaning.baseline_path(config)
    before = load(path) if os.path.exists(path) else Baseline(path)
    kept = [finding for finding in checked.findings if finding.family != "secrets"]
    after = before.renewed(kept, checked.sources, run.covered(folders, rules, config, before))
    number = sum(after.entries.values()) - sum(before.entries.values())
    if number:
        meaning.write(path, after.text(), remedy="name another file by `baseline` in the configuration")
        output.note(
            f"{counted(number, 'finding')} about what exists already went into the baseline {path}, so that only what "
            "is new stops a deploy: `elf-sqlcheck lint --no-baseline` shows them."
        )


def _from_sql(session: Session, folder: str) -> None:
    from elf_sqlcheck.migrate.from_sql import convert

    there = session.migrations()
    slugs = {migration.slug for migration in there}
    taken = {migration.version for migration in there}
    for file in convert(folder):
        slug = create.slug_of("initial_" + os.path.splitext(os.path.relpath(file.path, folder))[0])
        if slug in slugs:
            session.output.note(f"{file.path} is a migration already: {slug}")
            continue
        version = create.new_version(taken)
        taken.add(version)
        headers = [("Irreversible", file.reason)] if file.reason else []
        content = create.text(
            version, slug, description=f"Made from {file.path}", up=file.up, down=file.down, headers=headers
        )
        path = create.write(session.directory, version, slug, content)
        session.output.data["created"].append(path)
        session.output.say(f"Created {path} from {file.path}", "good")
        if file.reason:
            session.output.note(f"It cannot be rolled back: {file.reason}")


def _from_database(session: Session, target: Target) -> None:
    from elf_sqlcheck.migrate.history import History
    from elf_sqlcheck.migrate.initial import read_schema

    output = session.output
    there = session.migrations()
    if there:
        output.note(f"No migration is written from the database: {session.directory} holds {len(there)} already.")
        return
    found = read_schema(target.executor)
    for left_out in found.left_out:
        output.note(f"Not written down, add it by hand: {left_out}")
    if not found.objects:
        output.note("The database holds nothing to write down.")
        return
    version = create.new_version(())
    content = create.text(version, "initial_schema", description="What the database held when elf-migrate was set up",
                          up=found.up, down=found.down)  # fmt: skip
    path = create.write(session.directory, version, "initial_schema", content)
    output.data["created"].append(path)
    output.say(f"Created {path}: {found.objects} objects.", "good")
    migration: Migration = session.migrations()[0]
    History(target.executor).adopt(migration)
    output.say("It is recorded as applied here, because its objects are there.")
