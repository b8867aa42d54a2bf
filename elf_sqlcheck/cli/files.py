"""The files that `lint` and `style` judge, as their options choose them, and what --diff shows of fixed ones."""

from __future__ import annotations

import sys

from elf_sqlcheck import fix, secrecy, sources
from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.git import here
from elf_sqlcheck.reports import counted, inert
from elf_sqlcheck.reports.terminal import clean, painted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elf_sqlcheck.cli.meaning import Printer
    from elf_sqlcheck.config import Config
    from elf_sqlcheck.run import Fixed
    from elf_sqlcheck.sources import Folder


def refuse_contradictions(
    command: str, paths: tuple[str, ...], *, staged: bool, since: str | None, fixing: bool, diffing: bool
) -> None:
    """Raise UsageError where options exclude each other; `command` is the one that they belong to."""
    if staged and fixing:
        raise UsageError(
            "--fix cannot be used with --staged: the index may differ from the files that would be changed",
            f"run `elf-sqlcheck {command} --fix`, look at the result, and stage it",
        )
    if staged and since:
        raise UsageError("--staged and --since exclude each other", "leave one out")
    if fixing and diffing:
        raise UsageError("--fix and --diff exclude each other", "leave one out: --diff only shows what --fix does")
    if sources.STDIN in paths:
        if len(paths) > 1 or staged or since:
            raise UsageError("standard input (-) can only be judged alone", "leave out what else was named")
        if fixing:
            raise UsageError("standard input cannot be fixed in place", "use --diff, or name the file")


def folders(
    paths: tuple[str, ...],
    config: Config,
    directory: str,
    *,
    staged: bool,
    since: str | None,
    stdin_filename: str,
    cached: bool = False,
) -> list[Folder]:
    """Read what the options of `options.files` name, from the disk, the index or standard input; raises UsageError.

    `cached` is that of `sources.from_disk`.
    """
    if sources.STDIN in paths:
        return sources.from_text(sys.stdin.buffer.read(), stdin_filename, config, directory)
    if staged:
        return sources.from_index(paths, config, directory, cached=cached)
    if since is None:
        return sources.from_disk(paths, config, directory, cached=cached)
    repository = here("--since needs")
    changed = repository.changed_since(since)
    return sources.changed_only(sources.from_disk(paths, config, directory, cached=cached), changed, repository.root)


def nothing(*, staged: bool, since: str | None) -> str:
    """What to say when there is no file to judge."""
    if staged:
        return "no SQL file is staged, nothing to check"
    if since:
        return f"no migration changed since {since}, nothing to check"
    return "no migration here, or all are excluded: nothing to check"


def show_diff(fixed: Fixed, printer: Printer, what: str) -> None:
    """Show fixed files as a diff, credentials as stars; `what` says what would be done, such as "fixed"."""
    hidden = {
        path: tuple(secrecy.without(data, fixed.secrets.get(path, ())) for data in texts)
        for path, texts in fixed.texts.items()
    }
    written = "".join(fix.unified(path, before, after) for path, (before, after) in sorted(hidden.items()))
    text = inert.lines("\n".join(map(_plain, written.split("\n"))))
    if any(hidden[path][0] != before for path, (before, _) in fixed.texts.items()):
        printer.note("note: credentials are shown as stars, so this diff cannot be applied where they stand")
    if text != written:
        printer.note("note: what cannot be seen is shown by its code, so this diff cannot be applied where that stands")
    if sys.stdout.isatty() or printer.style.colour:
        for line in text.split("\n"):
            kind = {"+": "added", "-": "removed", "@": "note"}.get(line[:1], "")
            shown = clean(line, keep="\t")
            sys.stdout.write((painted(shown, kind, printer.style.colour) if kind else shown) + "\n")
    else:
        sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
        sys.stdout.buffer.flush()
    if fixed.texts:
        printer.note(f"{counted(fixed.done, 'finding')} in {counted(len(fixed.texts), 'file')} would be {what}")


def _plain(line: str) -> str:
    """A line of a diff, for a terminal or a log; the mark of the byte order and the end of DOS stay for `git apply`."""
    start = line[:2] if line[1:2] == "\ufeff" else ""
    end = line[-1:] if line.endswith("\r") else ""
    return start + clean(line[len(start) : len(line) - len(end)], keep="\t") + end


def write(fixed: Fixed) -> None:
    """Write the files that are other than before; raises UsageError when one cannot be, or has changed meanwhile."""
    for path, (before, after) in fixed.texts.items():
        fix.write(path, after, before)
