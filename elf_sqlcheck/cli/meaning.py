"""What the options of a command come to: its configuration, its baseline, and where its report goes.

Nothing here knows click, which takes longer to load than a small migration takes to judge.
"""

from __future__ import annotations

import os
import sys

from elf_sqlcheck import config, git, reports
from elf_sqlcheck.errors import UsageError, closest
from elf_sqlcheck.model import Severity
from elf_sqlcheck.reports import inert
from elf_sqlcheck.reports.terminal import is_coloured, sentence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from elf_sqlcheck.baseline import Baseline
    from elf_sqlcheck.config import Config


#: Formats whose own escapes keep a log from reading commands in them.
_XML = ("junit", "checkstyle")
#: One of these is set wherever a pull request may be told to be a fork's; see `trust.stranger`.
SIGNS = frozenset(
    {"GITHUB_EVENT_PATH", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "CIRCLE_PR_REPONAME", "CIRCLE_PR_USERNAME",
     "SYSTEM_PULLREQUEST_ISFORK", "BUILDKITE_PULL_REQUEST_REPO", "TRAVIS_PULL_REQUEST_SLUG"}
)  # fmt: skip


def settings(
    config_file: str | None,
    isolated: bool,
    layout: str | None = None,
    *,
    untrusted: bool | None = None,
    base: str | None = None,
    no_suppressions: bool = False,
    quiet: bool = False,
) -> Config:
    """The configuration that counts, with `layout` in it when one is named; raises ConfigError when it is no good.

    It is that of the commit `base` when the files are `untrusted`; whether they are is told by the CI system for None.
    """
    if config_file and isolated:
        raise UsageError("--config and --isolated exclude each other", "leave one out")
    if base and untrusted is False:
        raise UsageError("--base is for files that are not trusted, and --trusted says that they are", "leave one out")
    if untrusted or base or (untrusted is None and not SIGNS.isdisjoint(os.environ)):
        found = _of_base(config_file, isolated, untrusted=bool(untrusted or base), base=base or "", quiet=quiet)
    else:
        found = config.load(".", config_file, isolated)
    if no_suppressions:
        found = found.replace(suppressions=False)
    return found.replace(layout=layout) if layout else found


def trust(given: Mapping[str, Any]) -> dict[str, Any]:
    """What `settings` takes of the options that `options.trusted` adds, and of --quiet."""
    return {name: given[name] for name in ("untrusted", "base", "no_suppressions", "quiet")}


def _of_base(config_file: str | None, isolated: bool, *, untrusted: bool, base: str, quiet: bool) -> Config:
    from elf_sqlcheck import confined, trust

    whose = trust.stranger(os.environ)
    if not untrusted and not whose:
        return config.load(".", config_file, isolated)
    root = git.find_root(".") or "."
    confined.to(root)
    found = config.load(".", config_file, isolated, lambda: trust.base(os.environ, base))
    if not quiet:
        counts = f"that of {found.base.name}" if found.base else "none"
        sys.stdout.flush()
        sys.stderr.write(f"note: {sentence(whose or 'this change')} is not trusted: the configuration is {counts}\n")
    return found


def baseline(settings: Config, named: str | None = None, *, no_baseline: bool = False) -> Baseline | None:
    """The baseline that is named, configured or there; None when there is none, or none is wanted."""
    if no_baseline and named:
        raise UsageError("--baseline and --no-baseline exclude each other", "leave one out")
    path, asked = named or baseline_path(settings), bool(named or settings.baseline)
    if no_baseline or not (asked or not settings.isolated):
        return None
    base, data = settings.base, None
    if settings.untrusted and (base is None or base.inside(path) is not None):
        data = base.read(path) if base is not None else None
        if data is None and asked:
            raise UsageError(
                f"there is no {path} {f'in {base.name}' if base is not None else 'that is trusted'}, and a change that "
                "is not trusted cannot bring one",
                "leave --baseline out, or merge the file first",
            )
        there = data is not None
    else:
        there = asked or os.path.exists(path)
    if not there:
        return None
    from elf_sqlcheck.baseline import load

    return load(path, data)


def baseline_path(settings: Config) -> str:
    """Where the baseline is, or would be."""
    return os.path.relpath(settings.absolute(settings.baseline or config.BASELINE_FILE))


def fail_on(given: Mapping[str, Any], settings: Config) -> Severity:
    """The least severity that fails the command: that of --fail-on, which `report` adds, else the configured one."""
    return Severity[given["fail_on"].upper()] if given["fail_on"] else settings.fail_on


def printer(given: Mapping[str, Any]) -> Printer:
    """Where the report goes, from the options that `report` adds; raises UsageError when they exclude each other."""
    look = {"no_color": given["no_color"], "quiet": given["quiet"]}
    outputs = given["outputs"]
    if not outputs:
        return Printer(given["output_format"], given["output_file"], **look)
    if given["output_format"] or given["output_file"]:
        raise UsageError(
            "--output says format and file at once: --output-format and --output-file cannot go with it",
            f"write all of them as --output, such as `--output {outputs[0]} --output text:-`",
        )
    return Printer.several([_output(value) for value in outputs], **look)


def _output(value: str) -> tuple[str, str]:
    name, colon, file = value.partition(":")
    if name not in reports.FORMATS or not colon or not file:
        meant = closest(name, reports.FORMATS) or "html"
        raise UsageError(
            f"--output {value} is no FORMAT:FILE",
            f"write one of {', '.join(reports.FORMATS)}, a colon and a file, such as "
            f"`--output {meant}:{file or 'report.' + meant}`",
        )
    return name, file


class Printer:
    """Where a report goes and how it looks.

    `outputs` are the formats with the file of each, "" for standard output; `style` is how the latter looks.
    """

    __slots__ = ("outputs", "style")

    def __init__(self, output_format: str | None, output_file: str | None, *, no_color: bool, quiet: bool) -> None:
        actions = os.environ.get("GITHUB_ACTIONS") == "true" and not output_file
        self.outputs = [(output_format or ("github" if actions else "text"), output_file or "")]
        self.style = style(no_color=no_color, quiet=quiet)

    @classmethod
    def several(cls, outputs: Sequence[tuple[str, str]], *, no_color: bool, quiet: bool) -> Printer:
        """Several formats, each with its file; "-" is standard output. Raises UsageError when two have the same."""
        files = [file for _, file in outputs]
        for number, file in enumerate(files):
            if file in files[:number]:
                where = "standard output" if file == "-" else file
                raise UsageError(f"--output names {where} twice", "give each format a file of its own")
        made = cls(None, None, no_color=no_color, quiet=quiet)
        made.outputs = [(name, "" if file == "-" else file) for name, file in outputs]
        return made

    def show(self, report: reports.Report) -> None:
        """Write the report; with the format github also the job summary. Raises UsageError when a file cannot be."""
        for name, file in self.outputs:
            text = reports.render(name, report, self.style.replace(colour=False, width=0) if file else self.style)
            if file:
                write(file, text, "w")
            else:
                # What is printed may go into a log; a document in a file is read by programs alone.
                _print(inert.xml(text) if name in _XML else text)
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        if summary and any(name == "github" for name, _ in self.outputs):
            from elf_sqlcheck.reports.github import job_summary

            write(summary, job_summary(report), "a")

    def note_known(self, known: int, unneeded: int) -> None:
        """Say how many findings a baseline hides, and how many of its entries have become pointless."""
        if known:
            self.note(f"{reports.counted(known, 'known finding')} of the baseline not shown")
        if unneeded:
            verb = "occurs" if unneeded == 1 else "occur"
            entries = f"{unneeded} entr{'y' if unneeded == 1 else 'ies'} of the baseline no longer {verb}"
            self.note(f"note: {entries}: `elf-sqlcheck baseline --prune` takes them out")

    def note(self, text: str) -> None:
        """Say something that is no finding; on standard error, so that no format is spoilt."""
        if not self.style.quiet:
            sys.stdout.flush()
            sys.stderr.write(f"{sentence(text)}\n")


def _print(text: str) -> None:
    if not text:
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError(f"cannot write the report: {error.strerror}", "make room where it goes") from error


def style(*, no_color: bool, quiet: bool = False) -> reports.Style:
    """Colours and width of standard output."""
    terminal = sys.stdout.isatty()
    colour = not no_color and is_coloured(os.environ, terminal=terminal)
    width = 0
    if terminal:
        try:
            width = max(40, min(os.get_terminal_size(sys.stdout.fileno()).columns, 120))
        except OSError:
            width = 80
    return reports.Style(colour, width, quiet)


def exit_code(report: reports.Report) -> int:
    """1 when a finding is bad enough to fail the command, else 0."""
    return int(any(finding.severity >= report.fail_on for finding in report.findings))


def write(path: str, text: str, mode: str = "w", remedy: str = "name another file with --output-file") -> None:
    """Write a text file, as `open` with `mode` does; raises UsageError when that cannot be."""
    try:
        with open(path, mode, encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", remedy) from error
