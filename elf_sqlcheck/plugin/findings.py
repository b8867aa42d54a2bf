"""What `elf-sqlcheck lint` finds in a file that sqlfluff judges, at the characters of its text."""

from __future__ import annotations

import os
from functools import cache

from elf_sqlcheck import config, layouts, run, secrecy, sources
from elf_sqlcheck.baseline import load
from elf_sqlcheck.text import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from elf_sqlcheck.model import Finding, Severity
    from elf_sqlcheck.run import Checked
    from elf_sqlcheck.sources import Folder

    #: The severity, the character of the text, and what is said.
    Told = tuple[Severity, int, str]


def findings(path: str, text: str) -> list[Told]:
    """The findings of the file `path`, judged with the files before it; none where it is no migration.

    Raises ConfigError and RuleError, as linting does.
    """
    path = os.path.relpath(path) if os.path.isabs(path) else os.path.normpath(path)
    if not os.path.isfile(path) or _configured().excludes(path):
        return []
    [folder] = sources.from_disk([path], _configured())
    if len(folder.files) == 1 and not layouts.recognize(folder.files):
        return []
    data = folder.files[path]
    if read(data, ()).text == text:
        checked = _whole(folder.path) or _check(folder)
    else:  # what is in an editor is not yet in the file
        data = text.encode()
        checked = _check(folder.replace(files={**folder.files, path: data}))
    shown, ours = read(data, ()), [finding for finding in checked.findings if finding.path == path]
    secrets = run.secrets_of(checked).get(path, frozenset())
    hidden = {secrecy.bare(secret) for secret in secrets}
    return [_told(one, shown.place(one.span.start) if one.span else 0, hidden) for one in ours]


def _told(finding: Finding, start: int, hidden: Collection[str]) -> Told:
    return finding.severity, start, f"{secrecy.hide(finding.message, hidden)} [{finding.rule}]"


@cache
def _configured() -> config.Config:
    return config.load()


@cache
def _rules() -> run.Ruleset:
    return run.ruleset(_configured())


@cache
def _whole(directory: str) -> Checked | None:
    """All of a folder judged at once: sqlfluff asks for one file after the other. None when it holds nothing."""
    folders = sources.from_disk([directory or "."], _configured())
    return _check(*folders) if folders else None


def _check(*folders: Folder) -> Checked:
    settings = _configured()
    path = settings.absolute(settings.baseline or config.BASELINE_FILE)
    there = settings.baseline or os.path.exists(path)
    return run.check(folders, _rules(), settings, load(path) if there else None)
