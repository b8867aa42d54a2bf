"""The command `elf-sqlcheck lint`."""

from __future__ import annotations

import click

from elf_sqlcheck import fix, run, sizes, sources
from elf_sqlcheck.cli import files, options
from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.reports import Report, counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from elf_sqlcheck.run import Fixed


@click.command()
@files.chosen
@click.option("--stats", metavar="FILE", help="How large tables are, as `elf-migrate status --stats` writes it.")
@click.option("--fix", "fixing", is_flag=True, help="Fix in the files what can be fixed without changing a meaning.")
@click.option("--unsafe-fixes", is_flag=True, help="Apply also fixes that may change a meaning; implies --fix.")
@click.option("--diff", "diffing", is_flag=True, help="Show what --fix would change; exit code 1 if anything.")
@click.option("--add-suppressions", "adding", is_flag=True, help="Allow what is found by comments in the files.")
@click.option("--reason", metavar="TEXT", help="Why --add-suppressions allows it; goes into each comment.")
@options.baselined
@options.choice_of_rules
@options.report
@options.folder
@options.layout
@options.configured
@click.pass_context
def lint(
    context: click.Context,
    /,
    paths: tuple[str, ...],
    *,
    staged: bool,
    since: str | None,
    stdin_filename: str,
    stats: str | None,
    fixing: bool,
    unsafe_fixes: bool,
    diffing: bool,
    adding: bool,
    reason: str | None,
    **more: Any,
) -> None:
    """Judge migrations without running them.

    Every file is judged against the schema that the files before it in its folder make. Without PATHS the migrations
    folder is judged; - reads standard input.

    \b
    Examples:
      elf-sqlcheck lint
      elf-sqlcheck lint migrations/20250121_093200_add_user_profiles.sql
      elf-sqlcheck lint --staged
      elf-sqlcheck lint --since origin/main --output-format json
      elf-sqlcheck lint --fix --ignore cascade-delete
      elf-sqlcheck lint --add-suppressions --reason "as agreed with the data team" --select naming
      elf-sqlcheck lint - --stdin-filename migrations/20250121_093200_add_user_profiles.sql < draft.sql
    """
    fixing = fixing or (unsafe_fixes and not diffing)
    files.refuse_contradictions("lint", paths, staged=staged, since=since, fixing=fixing, diffing=diffing)
    reason = _reason(reason, adding=adding, staged=staged, fixing=fixing, stdin=sources.STDIN in paths and not diffing)
    config = options.settings(more["config_file"], more["isolated"], more["layout"])
    if stats is not None:
        config = config.replace(table_sizes={**config.table_sizes, **sizes.load(stats)})
    printer = options.printer(more)
    rules = run.ruleset(config, more["select"], more["extend_select"], more["ignore"])
    folders = files.folders(paths, config, more["directory"], staged=staged, since=since, stdin_filename=stdin_filename)
    baseline = options.baseline(config, more["baseline_file"], no_baseline=more["no_baseline"])
    fixed: Fixed | None = None
    if fixing or diffing or adding:
        if adding:
            named = (*more["select"], *more["extend_select"])
            fixed = run.allow(folders, rules, config, reason, named=named, baseline=baseline)
        else:
            fixed = run.repair(folders, rules, config, fix.UNSAFE if unsafe_fixes else fix.SAFE, baseline)
        for path in fixed.refused:
            printer.note(f"note: {path} was left as it is: what is SQL in it would have become something else")
        if diffing:
            files.show_diff(fixed, printer, "allowed" if adding else "fixed")
            context.exit(int(bool(fixed.texts)))
        files.write(fixed)
        folders = list(fixed.folders)
        if adding:
            printer.note(f"{counted(fixed.done, 'finding')} allowed in {counted(len(fixed.texts), 'file')}")
    checked = run.check(folders, rules, config, baseline)
    if not checked.files:
        printer.note(files.nothing(staged=staged, since=since))
    report = Report(
        checked.findings,
        checked.sources,
        checked.files,
        len(checked.suppressed),
        fixed.done if fixed and not adding else 0,
        checked.known,
        checked.secret,
        judged=frozenset().union(*(folder.judged for folder in folders)),
        rules=rules.rules,
        fail_on=options.fail_on(more, config),
    )
    printer.show(report)
    printer.note_known(len(checked.known), checked.unneeded)
    context.exit(options.exit_code(report))


def _reason(reason: str | None, *, adding: bool, staged: bool, fixing: bool, stdin: bool) -> str:
    """The reason that --add-suppressions writes; raises UsageError when there is none, or it cannot be written."""
    if not adding:
        if reason is not None:
            raise UsageError("--reason is for --add-suppressions", "add that, or leave --reason out")
        return ""
    if fixing:
        raise UsageError("--add-suppressions and --fix exclude each other", "fix first, then allow what is left")
    if staged or stdin:
        place = "standard input" if stdin else "what is staged"
        raise UsageError(f"suppressions are written into files, not into {place}", "name the files instead")
    text = " ".join((reason or "").split())
    if not text:
        raise UsageError(
            "--add-suppressions needs a reason: whoever reads the comment must learn why it is right",
            'give it: --reason "legacy tables, replaced in 2026"',
        )
    if "*/" in text or not text.isprintable():
        raise UsageError("the reason cannot stand in a comment", "leave out */ and control characters")
    return text
