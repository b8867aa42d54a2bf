"""The option `--version`: this package, the parser, Python, and the Postgres that `verify` would start."""

from __future__ import annotations

import click

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --version."""
    text = "Show the versions of this program, of its parser, and of Postgres, and exit."
    return click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show, help=text)(
        command
    )


def _show(context: click.Context, _option: click.Parameter, value: bool) -> None:
    if not value or context.resilient_parsing:
        return
    import platform
    from importlib.metadata import version

    from elf_sqlcheck.sql import grammar

    click.echo(f"{context.find_root().info_name} {version('elf-sqlcheck')}")
    click.echo(f"pglast {version('pglast')}, with the grammar of Postgres {grammar()}")
    click.echo(f"Python {platform.python_version()}")
    click.echo(f"Postgres for verify: {_server()}")
    context.exit()


def _server() -> str:
    from elf_sqlcheck import config
    from elf_sqlcheck.errors import ElfError
    from elf_sqlcheck.postgres.find import probable

    try:
        major = config.load(".").postgres_version
    except ElfError:  # versions are asked for just when something is wrong
        major = None
    return probable(major) or "none found here (`pip install 'elf-sqlcheck[embedded]'`)"
