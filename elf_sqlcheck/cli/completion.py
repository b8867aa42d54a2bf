"""The command `completion` of each program: the script that makes a shell complete its commands and names."""

from __future__ import annotations

import click

from elf_sqlcheck.cli.ending import variable
from elf_sqlcheck.cli.options import Name

#: Where the script goes, or the line that loads it.
_PLACES = {
    "bash": 'the line `eval "$({0} completion bash)"` in ~/.bashrc',
    "zsh": 'the line `eval "$({0} completion zsh)"` in ~/.zshrc, below `compinit`',
    "fish": "`{0} completion fish > ~/.config/fish/completions/{0}.fish`, once",
}


def command(program: str) -> click.Command:
    """The command `completion` of `program`."""

    @click.command()
    @click.argument("shell", type=Name(list(_PLACES)), metavar="SHELL")
    @click.pass_context
    def completion(context: click.Context, shell: str) -> None:
        from click.shell_completion import get_completion_class

        made = get_completion_class(shell)
        if made is None:  # pragma: no cover - click knows all three
            raise click.UsageError(f"click {shell} completion is missing")
        root = context.find_root()
        click.echo(made(root.command, {}, program, variable(program)).source())

    places = "\n".join(f"  {shell:<5} {place.format(program)}" for shell, place in _PLACES.items())
    completion.help = (
        "Print the script that completes commands, options, and the names of rules, formats and migrations.\n\n"
        f"SHELL is {', '.join(_PLACES)}. What to do with it:\n\n\b\n{places}\n\n"
        f"\b\nExample:\n  {program} completion bash\n"
    )
    return completion
