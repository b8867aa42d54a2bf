"""What `elf-sqlcheck lint` does, whoever has read its command line: click, or `start` when there is little to read."""

from __future__ import annotations

from elf_sqlcheck import fix, run, sizes, sources
from elf_sqlcheck.cli import files, meaning
from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.reports import Report, counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from elf_sqlcheck.run import Fixed

#: The options of the command, with the values that they have when they are not given.
DEFAULTS: dict[str, Any] = {
    "staged": False, "since": None, "stdin_filename": "", "stats": None, "fixing": False, "unsafe_fixes": False,
    "diffing": False, "adding": False, "reason": None, "baseline_file": None, "no_baseline": False, "select": (),
    "extend_select": (), "ignore": (), "quiet": False, "no_color": False, "fail_on": None, "outputs": (),
    "output_file": None, "output_format": None, "directory": "", "layout": None, "config_file": None,
    "isolated": False, "no_cache": False, "untrusted": None, "base": None, "no_suppressions": False,
}  # fmt: skip


def lint(
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
) -> int:
    """Judge the files that the options choose, and show what is found; returns the exit code. Raises ElfError."""
    fixing = fixing or (unsafe_fixes and not diffing)
    files.refuse_contradictions("lint", paths, staged=staged, since=since, fixing=fixing, diffing=diffing)
    reason = _reason(reason, adding=adding, staged=staged, fixing=fixing, stdin=sources.STDIN in paths and not diffing)
    config = meaning.settings(more["config_file"], more["isolated"], more["layout"], **meaning.trust(more))
    if stats is not None:
        config = config.replace(table_sizes={**config.table_sizes, **sizes.load(stats)})
    printer = meaning.printer(more)
    rewriting = fixing or diffing or adding
    cached = not (more["no_cache"] or config.untrusted)
    folders = files.folders(
        paths, config, more["directory"], staged=staged, since=since, stdin_filename=stdin_filename,
        cached=cached and not rewriting,
    )  # fmt: skip
    if config.base is not None and not paths:
        from elf_sqlcheck import overlooked

        overlooked.refuse((path for folder in folders for path in folder.files), config, more["directory"])
    # Git answers while the rules are loaded.
    compared = None if rewriting else run.compare(folders, config)
    rules = run.ruleset(config, more["select"], more["extend_select"], more["ignore"])
    baseline = meaning.baseline(config, more["baseline_file"], no_baseline=more["no_baseline"])
    fixed: Fixed | None = None
    if rewriting:
        if adding:
            named = (*more["select"], *more["extend_select"])
            fixed = run.allow(folders, rules, config, reason, named=named, baseline=baseline)
        else:
            fixed = run.repair(folders, rules, config, fix.UNSAFE if unsafe_fixes else fix.SAFE, baseline)
        for path in fixed.refused:
            printer.note(f"note: {path} was left as it is: what is SQL in it would have become something else")
        if diffing:
            files.show_diff(fixed, printer, "allowed" if adding else "fixed")
            return int(bool(fixed.texts))
        files.write(fixed)
        folders = list(fixed.folders)
        if adding:
            printer.note(f"{counted(fixed.done, 'finding')} allowed in {counted(len(fixed.texts), 'file')}")
    checked = run.check(folders, rules, config, baseline, cached=cached, compared=compared)
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
        fail_on=meaning.fail_on(more, config),
    )
    printer.show(report)
    printer.note_known(len(checked.known), checked.unneeded)
    return meaning.exit_code(report)


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
