"""Options that several commands share; `meaning` says what they come to."""

from __future__ import annotations

import click

from elf_sqlcheck import config, reports
from elf_sqlcheck.errors import closest
from elf_sqlcheck.tools import LAYOUTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Command = Callable[..., Any]
    Choice = click.Choice[str]
else:
    Choice = click.Choice


NO_COLOR = "No colours (as NO_COLOR; FORCE_COLOR and CLICOLOR_FORCE ask for them)."


class Name(Choice):
    """One of several names; for another the error says which one was most likely meant."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name; raises BadParameter when it is none."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            meant = closest(str(value), self.choices)
            if not meant:
                raise
            raise click.BadParameter(f"{error.message} Did you mean {meant!r}?", ctx, param) from None


def files(command: Command) -> Command:
    """Add PATHS, --staged, --since and --stdin-filename; `cli.files.folders` reads what they name."""
    for option in (
        click.option("--stdin-filename", metavar="FILE", default="", help="What standard input (-) would be called."),
        click.option("--since", metavar="REF", help="Judge only files that changed since the branch left REF."),
        click.option("--staged", is_flag=True, help="Judge what is staged for the next commit, not the working tree."),
        click.argument("paths", nargs=-1, metavar="[PATHS|-]"),
    ):
        command = option(command)
    return command


def configured(command: Command) -> Command:
    """Add --config and --isolated; `meaning.settings` turns them into a Config."""
    command = click.option("--isolated", is_flag=True, help="Use no configuration file at all.")(command)
    return click.option("--config", "config_file", metavar="FILE", help="The configuration file to use.")(command)


def trusted(command: Command) -> Command:
    """Add --untrusted, --base and --no-suppressions; `meaning.trust` hands them on to `meaning.settings`."""
    for option in (
        click.option("--no-suppressions", is_flag=True, help="Judge also what comments in the files allow."),
        click.option(
            "--base", metavar="REF", help="The commit that says how untrusted files are judged (default: the base of "
            "the pull request, else the main branch); implies --untrusted.",
        ),
        click.option(
            "--untrusted/--trusted",
            default=None,
            help="Whether the files are a stranger's: then configuration, own rules and baseline are those of the base "
            "branch, links out of the repository are not followed, and what comments allow is shown (default: in the "
            "pull request of a fork).",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def folder(command: Command) -> Command:
    """Add --dir."""
    text = "The migrations folder (default: configured, else found: " + ", ".join(config.USUAL_FOLDERS) + ")."
    return click.option("--dir", "directory", metavar="DIR", default="", help=text)(command)


def layout(command: Command) -> Command:
    """Add --layout; `meaning.settings` puts it into the Config."""
    text = "How the files make migrations, when that cannot be told from them: " + ", ".join(LAYOUTS) + "."
    return click.option("--layout", type=Name(list(LAYOUTS)), metavar="NAME", help=text)(command)


def choice_of_rules(command: Command) -> Command:
    """Add --select, --extend-select and --ignore, each a tuple of names."""
    for name, text in (
        ("--ignore", "Leave these rules out."),
        ("--extend-select", "Run these rules, too."),
        ("--select", "Run only these rules."),
    ):
        option = click.option(name, metavar="NAMES", multiple=True, callback=_names, help=f"{text} Rules or families.")
        command = option(command)
    return command


def _names(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())


def baselined(command: Command) -> Command:
    """Add --baseline and --no-baseline; `meaning.baseline` turns them into one."""
    command = click.option("--no-baseline", is_flag=True, help="Show also what the baseline knows.")(command)
    text = f"The file of known findings, which are not shown (default: {config.BASELINE_FILE}, if it is there)."
    return click.option("--baseline", "baseline_file", metavar="FILE", help=text)(command)


def report(command: Command) -> Command:
    """Add all that says what is shown and where it goes; `meaning.printer` turns it into a Printer."""
    levels = click.Choice(["error", "warning", "note"])
    for option in (
        click.option("--quiet", "-q", is_flag=True, help="Show findings only, no summary and no notes."),
        click.option("--no-color", is_flag=True, help=NO_COLOR),
        click.option("--fail-on", type=levels, help="The least severity that ends with exit code 1 (default: error)."),
        click.option(
            "--output",
            "outputs",
            metavar="FORMAT:FILE",
            multiple=True,
            help="Write the report to FILE in FORMAT (those of --output-format); several of them at once; - is "
            "standard output.",
        ),
        click.option("--output-file", metavar="FILE", help="Write the report to a file instead."),
        click.option(
            "--output-format",
            type=Name(reports.FORMATS),
            metavar="FORMAT",
            help=f"How findings are shown: {', '.join(reports.FORMATS)} (default: text; in GitHub Actions: github).",
        ),
    ):
        command = option(command)
    return command
