"""The command `elf-migrate`: creates, checks, applies and rolls back migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from elf_sqlcheck.cli import completion, versions
from elf_sqlcheck.cli.migrate_baseline import baseline
from elf_sqlcheck.cli.migrate_credentials import credentials
from elf_sqlcheck.cli.migrate_down import down
from elf_sqlcheck.cli.migrate_local import local
from elf_sqlcheck.cli.migrate_redo import redo
from elf_sqlcheck.cli.migrate_repair import repair
from elf_sqlcheck.cli.migrate_session import command_options, yes_option
from elf_sqlcheck.cli.migrate_up import up
from elf_sqlcheck.cli.migrate_wait import wait
from elf_sqlcheck.errors import ConnectionFailed, CredentialError, ServerError, UsageError
from elf_sqlcheck.tools import LAYOUTS

if TYPE_CHECKING:
    from elf_sqlcheck.cli.migrate_session import Session


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@versions.option
def cli() -> None:
    """Create, check, apply and roll back database migrations.

    Works on --database-url, else on the configured environment, else on the database that SUPABASE_DB_URL,
    DATABASE_URL or SUPABASE_URL with SUPABASE_PASSWORD point at, else on the project's own local database.

    \b
    Exit codes: 0 done, 1 failed, 2 the command or the configuration is wrong, 3 something is pending or differs
    (status --exit-code), 4 another deployer holds the lock, 70 a bug, 128 + n ended by signal n.
    """


@cli.command()
@click.option("--from-database", is_flag=True, help="Write what the database already holds as a first migration.")
@click.option(
    "--from-sql", metavar="DIR", help="Turn the SQL files of a folder into migrations (default: sql/ if there)."
)
@yes_option
@command_options()
def init(session: Session, *, from_database: bool, from_sql: str | None, yes: bool) -> None:
    """Set up: the migrations folder, the tracking tables, and migrations for what exists.

    \b
    Examples:
      elf-migrate init
      elf-migrate init --from-database --database-url postgresql://...
      elf-migrate init --from-sql sql/
    """
    from elf_sqlcheck.cli import migrate_init

    migrate_init.run(session, from_database=from_database, from_sql=from_sql, yes=yes)


@cli.command(name="import")
@click.argument("source")
@click.option(
    "--from",
    "origin",
    type=click.Choice([name for name in LAYOUTS if name != "elf"]),
    metavar="LAYOUT",
    help=f"Whose migrations they are, when it cannot be told from them: {', '.join(LAYOUTS)}.",
)
@click.option("--with-down", is_flag=True, help="Write a DOWN section where there is none, if it can be derived.")
@click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
@command_options(database=False)
def import_(session: Session, *, source: str, origin: str | None, with_down: bool, dry_run: bool) -> None:
    """Turn the migrations of another tool into files of elf-migrate.

    SOURCE is their folder. Its files stay as they are, and nothing is overwritten; a second run writes only what is
    new. Without --dir the files go into the configured folder, else into migrations/.

    \b
    Examples:
      elf-migrate import db/migrations
      elf-migrate import supabase/migrations --with-down --dry-run
      elf-migrate import sql --from flyway --dir migrations
    """
    from elf_sqlcheck.cli import migrate_import

    migrate_import.run(session, source, origin or "", with_down=with_down, dry_run=dry_run)


@cli.command()
@click.argument("name")
@click.option("--description", default="", help="What it is for; goes into the file's header.")
@click.option("--depends-on", multiple=True, metavar="NAME", help="A migration that must run before it; repeatable.")
@click.option("--from-up", metavar="FILE|-", help="Take the UP section from a file or from standard input and propose "
              "its DOWN.")  # fmt: skip
@click.option("--team", default="", metavar="TEAM", help="Whose it is: it may then change that team's schema only.")
@command_options(database=False)
def create(
    session: Session, name: str, description: str, depends_on: tuple[str, ...], from_up: str | None, team: str
) -> None:
    """Create a new migration file.

    With --from-up the DOWN section is derived from UP and from the schema that the earlier migrations make. What could
    not be undone is listed, and stands as a comment in DOWN. With --team a file before it makes the schema and the role
    of the team, if no migration does that yet.

    A third section, below a line `-- ============= VERIFY =============`, may hold SELECTs whose columns must all be
    true once UP is carried out. They are asked in its transaction, which is rolled back when one is not.

    \b
    Examples:
      elf-migrate create "add_user_preferences" --description "Add user preference storage"
      elf-migrate create "add_user_preferences" --from-up preferences.sql
      elf-migrate create "add_campaign_metrics" --team marketing
    """
    from elf_sqlcheck.cli import migrate_create

    migrate_create.run(session, name, description=description, depends_on=depends_on, from_up=from_up, team=team)


@cli.command(name="list")
@click.option("--pending", is_flag=True, help="Show only what `up` would run.")
@command_options()
def list_(session: Session, pending: bool) -> None:
    """List migrations and how they stand."""
    from elf_sqlcheck.cli import migrate_status

    with session.target() as target:
        migrate_status.show_connection(session.output, target.executor)
        migrate_status.show_list(session.output, target.executor, session.migrations(), only_pending=pending)


@cli.command()
@click.option("--stats", is_flag=True, help="Write how large the tables are instead, for `elf-sqlcheck lint --stats`.")
@click.option("--output-file", metavar="FILE", help="Where --stats writes (default: standard output).")
@click.option("--exit-code", is_flag=True, help="End with 3 when something is pending, failed, changed or missing.")
@click.option("--verify-history", is_flag=True, help="Look for events that were changed or taken out of the history.")
@click.option("--history-head", metavar="HASH", default="", help="An event that must still be in the history: the one "
              "that an earlier run named as its newest.")  # fmt: skip
@command_options()
def status(
    session: Session,
    *,
    stats: bool,
    output_file: str | None,
    exit_code: bool,
    verify_history: bool,
    history_head: str,
) -> None:
    """Show how the database stands: what is applied, pending, failed or changed.

    \b
    Examples:
      elf-migrate status
      elf-migrate status --exit-code
      elf-migrate status --stats --env production --output-file table-sizes.json
      elf-migrate status --verify-history --history-head 5d0c2f6a...
    """
    from elf_sqlcheck.cli import migrate_status

    if output_file is not None and not stats:
        raise UsageError("--output-file is where --stats writes", "add --stats, or redirect the output")
    if stats:
        migrate_status.write_stats(session, output_file)
        return
    with session.target() as target:
        migrate_status.show_connection(session.output, target.executor)
        is_odd = migrate_status.show_status(session.output, target.executor, session.migrations(), session.directory)
        if verify_history or history_head:
            migrate_status.verify_history(session.output, target.executor, history_head)
    if exit_code and is_odd:
        click.get_current_context().exit(3)


@cli.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@command_options()
def validate(session: Session, paths: tuple[str, ...]) -> None:
    """Check pending migrations, or the files named, against the rules and each other.

    \b
    Examples:
      elf-migrate validate
      elf-migrate validate migrations/20250121_094532_add_user_preferences.sql
    """
    from elf_sqlcheck.cli import migrate_check
    from elf_sqlcheck.migrate import deploy, plan

    migrations = session.migrations()
    if paths:
        judged = [plan.find(migrations, path) for path in paths]
        plan.order(migrations)
    else:
        try:
            with session.target() as target:
                found = deploy.due(target.executor, migrations, deploy.Options(allow_out_of_order=True))
                migrate_check.refuse_changed(session.output, target.executor, migrations, found.states)
                judged = list(found.migrations)
        except (ConnectionFailed, CredentialError, ServerError) as error:
            session.output.note(
                f"every migration is validated, because which are pending is not known: {error.message}"
            )
            judged = plan.order(migrations)
    migrate_check.check(session, judged, cached=True)
    count = f"{len(judged)} migration{'' if len(judged) == 1 else 's'}"
    session.output.say(f"{count} validated, nothing that stops a deploy." if judged else "Nothing is pending.", "good")


cli.add_command(up)
cli.add_command(down)
cli.add_command(local)
cli.add_command(redo)
cli.add_command(repair)
cli.add_command(baseline)
cli.add_command(wait)
cli.add_command(credentials)
cli.add_command(completion.command("elf-migrate"))
