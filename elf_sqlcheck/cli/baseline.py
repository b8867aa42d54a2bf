"""The command `elf-sqlcheck baseline`."""

from __future__ import annotations

import os

import click

from elf_sqlcheck import run, sources
from elf_sqlcheck.cli import meaning, options
from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.reports import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from elf_sqlcheck.baseline import Baseline

#: Credentials become known only when that is asked for: what leaked has to be revoked, not accepted.
_SECRETS = "secrets"


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATHS]")
@click.option("--prune", is_flag=True, help="Only take out what no longer occurs; nothing new becomes known.")
@click.option("--verify", "proving", is_flag=True, help="Add what `elf-sqlcheck verify` finds, too.")
@click.option("--style", "styling", is_flag=True, help="Add what `elf-sqlcheck style` finds, too.")
@click.option("--include-secrets", is_flag=True, help="Let credentials become known, too, once they are revoked.")
@click.option("--baseline", "baseline_file", metavar="FILE", help="The file to write (default: as lint reads it).")
@options.choice_of_rules
@options.folder
@options.layout
@options.configured
def baseline(
    paths: tuple[str, ...],
    *,
    prune: bool,
    proving: bool,
    styling: bool,
    include_secrets: bool,
    baseline_file: str | None,
    **more: Any,
) -> None:
    """Take what is found now for known, so that `lint`, `verify` and `style` show only what is new.

    An old project can be checked from its first day on: known findings come back when somebody edits their statement.
    Errors and warnings become known; credentials do not, because what has leaked must be revoked.

    \b
    Examples:
      elf-sqlcheck baseline
      elf-sqlcheck baseline --verify --style
      elf-sqlcheck baseline --prune
      elf-sqlcheck baseline migrations/20240102_101500_orders.sql --select locking
    """
    from elf_sqlcheck.baseline import Baseline, load

    config = meaning.settings(more["config_file"], more["isolated"], more["layout"])
    path = baseline_file or meaning.baseline_path(config)
    if prune and not os.path.exists(path):
        raise UsageError(
            f"there is no baseline {path} to take anything out of", "write it with `elf-sqlcheck baseline`"
        )
    before = load(path) if os.path.exists(path) else Baseline(path)
    printer = meaning.Printer("text", None, no_color=True, quiet=False)
    names = (more["select"], more["extend_select"], more["ignore"])
    rules = run.ruleset(config, *names)
    folders = sources.from_disk(paths, config, more["directory"])
    checked = run.check(folders, rules, config)
    findings = checked.findings
    left_out = 0 if prune or include_secrets else sum(finding.family == _SECRETS for finding in findings)
    covered = run.covered(folders, rules, config, before)
    if prune:
        after = before.pruned(findings, checked.sources, covered)
    else:
        wanted = [finding for finding in findings if include_secrets or finding.family != _SECRETS]
        after = before.renewed(wanted, checked.sources, covered)
    if proving:
        from elf_sqlcheck.cli.verify import prove, rules_of

        proof = prove(config, printer, rules_of(config, *names), directory=more["directory"], paths=paths)
        if proof is not None:
            renew = after.pruned if prune else after.renewed
            after = renew(proof.findings, proof.texts, proof.covered(config, after))
    if styling:
        from elf_sqlcheck.style import Judges, Style, choose

        chosen = choose(config)
        style = Style(Judges(chosen.settings, frozenset(chosen.running), lambda _done, _all: None), chosen, config)
        written = style.check(folders)
        renew = after.pruned if prune else after.renewed
        after = renew(written.findings, written.sources, style.covered(folders, after))
    _write(before, after, prune=prune)
    if left_out:
        printer.note(
            f"note: {counted(left_out, 'credential')} did not become known and will be shown again: "
            "revoke what leaked, and then give --include-secrets"
        )


def _write(before: Baseline, after: Baseline, *, prune: bool) -> None:
    """Write the file where there is something to write, and say what has become of it."""
    path, number = after.path, sum(after.entries.values())
    if not number and not os.path.exists(path):
        click.echo("nothing was found, so no baseline is needed")
        return
    meaning.write(path, after.text(), remedy="name another file with --baseline")
    files = counted(len({entry.path for entry in after.entries}), "file")
    if prune:
        gone = sum(before.entries.values()) - number
        click.echo(f"{counted(gone, 'finding')} taken out of {path}; {number} left, in {files}")
        return
    click.echo(f"{counted(number, 'finding')} in {files} known from now on, in {path}")
    click.echo("`elf-sqlcheck lint` shows only what is new. Commit the file, and keep it shrinking with --prune.")
