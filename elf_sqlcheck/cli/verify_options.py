"""What `elf-sqlcheck verify` is to try: the options of the command, and what they come to."""

from __future__ import annotations

import os

import click

from elf_sqlcheck.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from elf_sqlcheck.config import Config
    from elf_sqlcheck.verify import Options

    Command = Callable[..., Any]

_FLAGS = (
    click.option("--rows", type=click.IntRange(0, 1_000_000), metavar="N", help="Rows for each older table (100)."),
    click.option("--seed", type=int, metavar="N", help="What synthetic rows are made from (1)."),
    click.option("--sample", metavar="FILE", help="Use these rows (CSV, SQL, or a folder of them) instead."),
    click.option(
        "--cuts",
        metavar="N|all",
        callback=lambda _context, _option, text: None if text is None else _cuts(text),
        help="Cut each migration short, really at up to N suspicious places (25) or at all places; 0: not.",
    ),
    click.option("--twice", is_flag=True, default=None, help="Apply each UP a second time, on top of itself."),
    click.option("--chain", is_flag=True, default=None, help="Walk the whole chain down to nothing and up again."),
    click.option("--traffic", is_flag=True, default=None, help="Read and write the tables while UP runs."),
    click.option(
        "--queries", multiple=True, metavar="FILE", help="Queries (sqlc, pgtyped, plain) that must go on working."
    ),
    click.option(
        "--auto-expose/--no-auto-expose",
        default=None,
        help="Whether Supabase grants new tables to the API's roles by itself (not since 30 October 2026).",
    ),
    click.option("--no-cache", is_flag=True, help="Apply all earlier migrations anew; begin with no saved state."),
    click.option("--statement-timeout", type=click.IntRange(0), metavar="SECONDS", help="Cancel statements (60)."),
)


def _cuts(text: str) -> int | str:
    """The number, or "all"."""
    if text != "all" and not text.isdecimal():
        raise click.BadParameter(f"{text} is neither a number nor `all`")
    return text if text == "all" else int(text)


def tried(command: Command) -> Command:
    """Add the options; `of` turns them into Options."""
    for option in reversed(_FLAGS):
        command = option(command)
    return command


def of(given: Mapping[str, Any], config: Config) -> Options:
    """What to try: the options that are given, else the configuration, else the defaults."""
    from elf_sqlcheck.verify import Options

    names = ("rows", "seed", "sample", "cuts", "twice", "chain", "traffic", "queries", "statement_timeout")
    chosen = {name: given[name] for name in names if given.get(name) not in (None, ())}
    if "sample" in chosen and config.untrusted:
        raise UsageError(
            "the files are not trusted, and a migration can put the rows of a sample into names that are shown",
            "leave --sample out, for rows that are made up; or say that the files are trusted (--trusted)",
        )
    if chosen.get("cuts") == "all":
        chosen["cuts"] = None
    if config.queries:
        chosen.setdefault("queries", tuple(os.path.relpath(config.absolute(path)) for path in config.queries))
    if any(environment.team_roles for environment in config.env.values()):
        chosen["teams"] = config.teams
    chosen["auto_expose"] = config.auto_expose if given.get("auto_expose") is None else given["auto_expose"]
    chosen["untrusted"] = config.untrusted
    return Options(profile=config.profile, exposed=config.exposed_schemas, **chosen)
