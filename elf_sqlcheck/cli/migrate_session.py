"""What every command of elf-migrate works with: its options, its folder, its database and its output."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import click

from elf_sqlcheck.cli.migrate_output import Output
from elf_sqlcheck.errors import ElfError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from elf_sqlcheck.config import Config
    from elf_sqlcheck.migrate.target import Target
    from elf_sqlcheck.model import Migration

yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask before changing a database that others use.")
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
_SHARED = ("dir", "layout", "config", "isolated", "database_url", "env", "output")


class Session:
    """What one invocation works with: its folder, its database and its output."""

    def __init__(self, options: dict[str, Any], *, as_json: bool) -> None:
        self.output = Output(as_json=as_json)
        self.output.data["command"] = click.get_current_context().info_name
        self._url: str | None = options.get("database_url")
        self._env: str | None = options.get("env")
        self._config_file: str | None = options.get("config")
        self.isolated = bool(options.get("isolated"))
        self._dir: str | None = options.get("dir")
        self._layout: str | None = options.get("layout")
        self._loaded: Config | None = None

    @property
    def config(self) -> Config:
        """The configuration; raises ConfigError when it cannot be read."""
        if self._loaded is None:
            from elf_sqlcheck.cli import options

            self._loaded = options.settings(self._config_file, self.isolated, self._layout)
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
        from elf_sqlcheck import layouts

        return layouts.read_directory(self.directory, self.config.layout)

    @contextlib.contextmanager
    def target(self) -> Iterator[Target]:
        """Open the database, and say which one it is."""
        from elf_sqlcheck.migrate.target import open_target

        with open_target(self.config, url=self._url, environment=self._env) as target:
            self.output.data["database"] = target.described
            self.output.say(f"Database: {target.described}", "faint")
            for text in target.executor.target.notes:
                self.output.note(text)
            target.executor.note = self.output.note
            yield target

    def allow(self, target: Target, what: str, *, yes: bool) -> None:
        """Ask before a database that others use is changed; raises UsageError when the answer is no."""
        if target.ask and not yes and not self.output.confirm(f"{what} on {target.described}?"):
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
                click.option("--env", metavar="NAME", help="The configured environment to work on."),
            ]
        decorated: Callable[..., Any] = run
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate
