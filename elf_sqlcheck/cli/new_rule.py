"""The command `elf-sqlcheck rules new`."""

from __future__ import annotations

import os

import click

from elf_sqlcheck import registry
from elf_sqlcheck.cli import meaning, options
from elf_sqlcheck.errors import UsageError


@click.command()
@click.argument("name")
@click.option("--family", default="own", show_default=True, help="The family that it belongs to.")
@click.option("--dir", "folder", metavar="FOLDER", help="Where rules are (default: configured, else own_rules).")
@click.option("--test-dir", metavar="FOLDER", default="tests", show_default=True, help="Where its test goes.")
@click.option("--write-config", is_flag=True, help="Name the folder in the configuration, if it is not named there.")
@options.configured
def new(
    name: str,
    *,
    family: str,
    folder: str | None,
    test_dir: str,
    write_config: bool,
    config_file: str | None,
    isolated: bool,
) -> None:
    """Write a rule of your own, ready to run, with a test of its examples.

    NAME says what the rule finds, in lower case with hyphens.

    \b
    Examples:
      elf-sqlcheck rules new temporary-table
      elf-sqlcheck rules new temporary-table --family house-style --write-config
    """
    from elf_sqlcheck import new_rule

    config = meaning.settings(config_file, isolated)
    own = config.absolute(config.rules_dir) if config.rules_dir else None
    new_rule.refuse(name, family, registry.load(own if own and os.path.isdir(own) else None))
    folder = folder or (os.path.relpath(own) if own else "own_rules")
    path, line, text = new_rule.configuration(config, folder)
    module = name.replace("-", "_")
    written = new_rule.texts(
        name, family, os.path.join(folder, f"{module}.py"), os.path.join(test_dir, f"test_{module}.py")
    )
    for file in written:
        if os.path.exists(file):
            raise UsageError(f"{file} is there already", "choose another name")
    for file, content in written.items():
        try:
            os.makedirs(os.path.dirname(file) or ".", exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot make the folder of {file}: {error.strerror}", "choose another") from error
        meaning.write(file, content, "x", "check the permissions of its folder")
        click.echo(f"Wrote {file}")
    if text and write_config:
        meaning.write(path, text, remedy=f"add {line} to it")
        click.echo(f"Wrote {os.path.relpath(path)}")
    elif text:
        click.echo(
            f"Add this line to {os.path.relpath(path)} (--write-config does it), so that the rule runs:\n  {line}"
        )
    click.echo(f"Next: change the rule and its examples, then `pytest {' '.join(list(written)[1:])}`.")
