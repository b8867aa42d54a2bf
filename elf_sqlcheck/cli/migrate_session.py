"""What every command of elf-migrate works with: its options, its folder, its database and its output."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from elf_sqlcheck.cli.migrate_output import Output
from elf_sqlcheck.environments import VARIABLE
from elf_sqlcheck.errors import ElfError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from elf_sqlcheck.config import Config
    from elf_sqlcheck.migrate.hooks import Hooks
    from elf_sqlcheck.migrate.target import Target
    from elf_sqlcheck.model import Migration
    from elf_sqlcheck.sources import Folder

_ANY_BRANCH = "elf_sqlcheck.any_branch"
_yes = click.option("--yes", "-y", is_flag=True, help="Do not ask before changing a database that others use.")
_any_branch = click.option(
    "--any-branch",
    is_flag=True,
    expose_value=False,
    callback=lambda context, _, value: context.meta.update({_ANY_BRANCH: value}),
    help="Change an environment from a Git branch that its configuration does not name.",
)


def yes_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that changes a database: `yes`, and what `Session.allow` knows by itself."""
    return _yes(_any_branch(command))


lock_wait_option = click.option(
    "--lock-wait",
    type=click.FloatRange(0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for another deployer.",
)
lock_retries_option = click.option(
    "--lock-retries",
    type=click.IntRange(0),
    default=5,
    show_default=True,
    metavar="N",
    help="How often to try again what waited longer than its lock_timeout for a lock.",
)
#: Commands that say what they do while they do it, in JSON too: a line an event.
STREAMING = ("up", "down", "redo")
BACKUP, NO_HOOKS = "elf_sqlcheck.backup", "elf_sqlcheck.no_hooks"


def attending_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of commands that run sections: what `migrate_attending.attendants` knows by itself."""
    for option in (
        click.option(
            "--no-hooks",
            is_flag=True,
            expose_value=False,
            callback=lambda context, _, value: context.meta.update({NO_HOOKS: value}),
            help="Run none of the commands that are configured as hooks.",
        ),
        click.option(
            "--backup",
            metavar="DIR",
            expose_value=False,
            callback=lambda context, _, value: context.meta.update({BACKUP: value}),
            help="Before anything runs, let pg_dump write into this folder: the schema of everything, and the rows of "
            "the tables that are to lose rows or values.",
        ),
    ):
        command = option(command)
    return command


def running_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of commands that run sections: `lock_wait`, `lock_retries`, `yes`, and what goes along with a run."""
    return attending_options(lock_wait_option(lock_retries_option(yes_option(command))))


_SHARED = ("dir", "layout", "config", "isolated", "database_url", "env", "output")


class Session:
    """What one invocation works with: its folder, its database and its output."""

    def __init__(self, options: dict[str, Any], *, as_json: bool) -> None:
        command = click.get_current_context().info_name or ""
        self.output = Output(as_json=as_json, streams=command in STREAMING)
        self.output.data["command"] = command
        self.hooks: Hooks | None = None
        self._url: str | None = options.get("database_url")
        self._env: str | None = options.get("env")
        self._config_file: str | None = options.get("config")
        self.isolated = bool(options.get("isolated"))
        self._dir: str | None = options.get("dir")
        self._layout: str | None = options.get("layout")
        self._loaded: Config | None = None
        #: What `migrations` was last read from.
        self.folder: Folder | None = None

    @property
    def config(self) -> Config:
        """The configuration as the environment has it: its profile, its timeout for locks. Raises ConfigError."""
        if self._loaded is None:
            from elf_sqlcheck.cli import meaning

            loaded = meaning.settings(self._config_file, self.isolated, self._layout)
            named = loaded.env.get(self._env or ("" if self._url else os.environ.get(VARIABLE, "")))
            if named:
                loaded = loaded.replace(
                    profile=named.profile or loaded.profile, lock_timeout=named.lock_timeout or loaded.lock_timeout
                )
            self._loaded = loaded
        return self._loaded

    def reload(self) -> None:
        """Read the configuration again, because the command has written one."""
        self._loaded = None

    @property
    def directory(self) -> str:
        """The migrations folder, as a path from the working directory; it need not be there."""
        from elf_sqlcheck.config import USUAL_FOLDERS
        from elf_sqlcheck.sources import default_folder

        return default_folder(self.config, self._dir or "") or USUAL_FOLDERS[0]

    @property
    def own_directory(self) -> str:
        """The folder for files of the elf layout: named, else configured, else migrations/."""
        from elf_sqlcheck.config import USUAL_FOLDERS
        from elf_sqlcheck.sources import default_folder

        return default_folder(self.config, self._dir or "") if self._dir or self.config.dir else USUAL_FOLDERS[0]

    def migrations(self) -> list[Migration]:
        """All migrations of the folder, in order of their versions; raises UsageError when it cannot be read."""
        from elf_sqlcheck import layouts, sources

        self.folder = sources.whole(self.directory, self.config.layout)
        return layouts.read_all(self.folder.files, self.config.layout)

    @contextlib.contextmanager
    def target(self) -> Iterator[Target]:
        """Open the database, and say which one it is."""
        from elf_sqlcheck.migrate.target import open_target

        with open_target(self.config, url=self._url, environment=self._env) as target:
            self.output.data["database"] = target.described
            self.output.say(f"Database: {target.described}", "faint")
            for text in (*target.executor.target.notes, *target.notes):
                self.output.note(text)
            target.executor.note = self.output.note
            yield target

    def conclude(self) -> None:
        """Raises ElfError when a hook failed once everything else was done."""
        if self.hooks is not None and self.hooks.failure is not None:
            raise self.hooks.failure

    def allow(self, target: Target, what: str, *, yes: bool, always: bool = False) -> None:
        """Ask before a database that others use, or `always`, is changed; raises UsageError when it must not be.

        A protected environment wants its name typed. Only a terminal is asked for that, and no CI job for anything.
        """
        from elf_sqlcheck.migrate.branches import refuse_other_branch

        environment = target.environment
        if not click.get_current_context().meta.get(_ANY_BRANCH):
            refuse_other_branch(environment, self.config.root or os.getcwd())
        if yes or not (target.ask or always):
            return
        question = f"{what} on {target.described}"
        is_unattended = bool(os.environ.get("CI")) or (environment.protected and not sys.stdin.isatty())
        if is_unattended:
            raise UsageError(
                f"{question}? Nobody can be asked here, so nothing was changed.", "Give --yes to do it without asking."
            )
        if environment.protected:
            typed = self.output.ask(f"{question}: type {environment.name} to go on")
            if typed.strip() != environment.name:
                raise UsageError("Nothing was changed.", f"Type the name of the environment, {environment.name}.")
        elif not self.output.confirm(f"{question}?"):
            raise UsageError("Nothing was changed.", "Answer y, or give --yes where nobody can be asked.")


def command_options(
    *, database: bool = True, folder: bool = True
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options that all commands share; the command gets a Session as its first argument.

    Without `database` or `folder` those are left out that say which one to work on.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        def run(**values: Any) -> None:
            shared = {key: values.pop(key, None) for key in _SHARED}
            session = Session(shared, as_json=shared["output"] == "json")
            try:
                command(session, **values)
                session.conclude()
            except ElfError as error:
                session.output.failed(error)
                raise
            finally:
                session.output.finish()

        from elf_sqlcheck.cli import options as shared

        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
        where = [
            click.option("--dir", metavar="DIR", help="The migrations folder (default: configured, else migrations/)."),
            shared.layout,
        ]
        options: list[Callable[..., Any]] = [
            *(where if folder else ()),
            click.option("--config", metavar="FILE", help="The configuration file to read."),
            click.option("--isolated", is_flag=True, help="Use no configuration file at all."),
            click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True),
        ]
        if database:
            options += [
                click.option("--database-url", metavar="URL", help="The database to work on."),
                click.option(
                    "--env",
                    metavar="NAME",
                    help="The environment to work on: a configured one, or `local` (default: $ELF_ENV).",
                ),
            ]
        decorated: Callable[..., Any] = run
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate
