"""The command `elf-sqlcheck style`."""

from __future__ import annotations

import sys

import click

from elf_sqlcheck.cli import files, meaning, options
from elf_sqlcheck.reports import Report, counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from elf_sqlcheck.cli.meaning import Printer
    from elf_sqlcheck.run import Fixed
    from elf_sqlcheck.sources import Folder


@click.command()
@options.files
@click.option("--fix", "fixing", is_flag=True, help="Write the files as they should be; what they say stays the same.")
@click.option("--diff", "diffing", is_flag=True, help="Show what --fix would change; exit code 1 if anything.")
@options.baselined
@options.choice_of_rules
@options.report
@options.folder
@options.layout
@options.trusted
@options.configured
@click.pass_context
def style(
    context: click.Context,
    /,
    paths: tuple[str, ...],
    *,
    staged: bool,
    since: str | None,
    stdin_filename: str,
    fixing: bool,
    diffing: bool,
    **more: Any,
) -> None:
    """Judge how migrations are written, with sqlfluff: case, indentation, spaces, line ends.

    UP, DOWN and VERIFY are judged, for Postgres. A .sqlfluff or [tool.sqlfluff] says what is wanted; without one only
    what reads badly anywhere is found. It needs sqlfluff: pip install 'elf-sqlcheck[style]'.

    \b
    Examples:
      elf-sqlcheck style
      elf-sqlcheck style --fix migrations/20250121_093200_add_user_profiles.sql
      elf-sqlcheck style --since origin/main --fail-on warning
      elf-sqlcheck style --diff --select capitalisation.keywords
    """
    files.refuse_contradictions("style", paths, staged=staged, since=since, fixing=fixing, diffing=diffing)
    config = meaning.settings(more["config_file"], more["isolated"], more["layout"], **meaning.trust(more))
    printer = meaning.printer(more)
    folders = files.folders(paths, config, more["directory"], staged=staged, since=since, stdin_filename=stdin_filename)
    baseline = meaning.baseline(config, more["baseline_file"], no_baseline=more["no_baseline"])
    if not any(folder.judged for folder in folders):
        printer.note(files.nothing(staged=staged, since=since))
        printer.show(Report((), {}, 0))
        return
    from elf_sqlcheck.style import Judges, Style, choose

    chosen = choose(config, more["select"], more["extend_select"], more["ignore"])
    _note_large(folders, printer)
    progress = _Progress(printer)
    judged = Style(Judges(chosen.settings, frozenset(chosen.running), progress), chosen, config, baseline)
    fixed: Fixed | None = None
    if fixing or diffing:
        fixed = judged.repair(folders)
        progress.clear()
        for path in fixed.refused:
            printer.note(f"note: {path} was left as it is: the fixes of sqlfluff would have changed what it says")
        _note_old(folders, fixed, config.main_branch, printer)
        if diffing:
            files.show_diff(fixed, printer, "fixed")
            context.exit(int(bool(fixed.texts)))
        files.write(fixed)
        folders = list(fixed.folders)
    checked = judged.check(folders)
    progress.clear()
    report = Report(
        checked.findings,
        checked.sources,
        checked.files,
        len(checked.suppressed),
        fixed.done if fixed else 0,
        checked.known,
        checked.secret,
        judged=frozenset(checked.sources),
        rules=tuple(chosen.running.values()),
        fail_on=meaning.fail_on(more, config),
    )
    printer.show(report)
    printer.note_known(len(checked.known), checked.unneeded)
    context.exit(meaning.exit_code(report))


def _note_large(folders: list[Folder], printer: Printer) -> None:
    """Say which files take long: nobody should have to guess why nothing happens."""
    from elf_sqlcheck.style import LARGE, asked

    for folder in folders:
        for path, data in asked(folder):
            if len(data) > LARGE:
                printer.note(f"note: {path} is large ({len(data):,} bytes): sqlfluff takes its time over it")


def _note_old(folders: list[Folder], fixed: Fixed, branch: str, printer: Printer) -> None:
    """Say which fixed files may have been deployed: whoever deploys compares them with what was applied."""
    from elf_sqlcheck import mainline

    for folder in folders:
        mended = sorted(folder.judged & fixed.texts.keys())
        new = mainline.compare(folder, branch).get("main-added") if mended else None
        old = [path for path in mended if new is not None and path not in new]
        if old:
            printer.note(
                f"note: {len(old)} of the fixed files {'is' if len(old) == 1 else 'are'} on the main branch "
                f"({old[0]}{', …' if len(old) > 1 else ''}): what is deployed must stay as it is, "
                "or the next deployment finds it changed"
            )


class _Progress:
    """Says on a terminal how many files are done."""

    def __init__(self, printer: Printer) -> None:
        self.shown = sys.stderr.isatty() and not printer.style.quiet
        self.width = 0

    def __call__(self, done: int, total: int) -> None:
        """Show a number in the place of the one before."""
        if self.shown and total > 1:
            text = f"style: {done} of {counted(total, 'file')}"
            click.echo("\r" + text.ljust(self.width), err=True, nl=False)
            self.width = len(text)

    def clear(self) -> None:
        """Take the number away."""
        if self.width:
            click.echo("\r" + " " * self.width + "\r", err=True, nl=False)
            self.width = 0
