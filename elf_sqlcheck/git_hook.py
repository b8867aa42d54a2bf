"""Plain hooks of Git: scripts for /bin/sh that ask Git whether SQL is concerned before they start Python.

A script knows its own checksum, so that only what was written here, and was not changed since, is ever replaced or
removed. A hook that was there before is kept beside it and runs first.
"""

from __future__ import annotations

import contextlib
import os

from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.git import Repository

#: The hooks there are, and what each does in the words of its first lines.
KINDS = {
    "pre-commit": "Lints the migrations that are staged.",
    "pre-merge-commit": "Lints the migrations that a merge brings.",
    "pre-push": "Proves the migrations that a push brings, on a throw-away Postgres.",
}
#: What the hook that was there before is called from then on, behind its own name.
KEPT = ".before-elf-sqlcheck"
#: Files that make a difference, as Git's pathspecs: scripts, the plan of sqitch, the settings of flyway and diesel.
FILES = ("*.sql", "*.sql.conf", "*sqitch.plan", "*metadata.toml")
_MARK = "# Written by `elf-sqlcheck hook install`, checksum "
_TOP = """\
#!/bin/sh
{mark}
# {what} `elf-sqlcheck hook uninstall` takes it away and puts back what was here before.
before="${{0%/*}}/{kind}{kept}"
"""
_LINT = """\
if [ -x "$before" ]; then
    "$before" "$@" || exit
fi
unset GIT_LITERAL_PATHSPECS GIT_GLOB_PATHSPECS GIT_NOGLOB_PATHSPECS GIT_ICASE_PATHSPECS
git diff-index --cached --quiet HEAD -- {files} 2>/dev/null && exit 0
for tool in {program} elf-sqlcheck; do
    command -v "$tool" >/dev/null || continue
    "$tool" lint --staged{arguments}
    status=$?
"""
_VERIFY = """\
pushed=$(cat)
given() {{ [ -z "$pushed" ] || printf '%s\\n' "$pushed"; }}
if [ -x "$before" ]; then
    given | "$before" "$@" || exit
fi
commits=$(given | while read -r _ commit _; do case $commit in (*[!0]*) echo "$commit" ;; esac; done)
[ -n "$commits" ] || exit 0
unset GIT_LITERAL_PATHSPECS GIT_GLOB_PATHSPECS GIT_NOGLOB_PATHSPECS GIT_ICASE_PATHSPECS
concerned=$(git rev-list --max-count=1 $commits --not --remotes="$1" -- {files}) && [ -z "$concerned" ] && exit 0
for tool in {program} elf-sqlcheck; do
    command -v "$tool" >/dev/null || continue
    given | "$tool" verify --pushed{arguments}
    status=$?
"""
_END = """\
    case $status in 126 | 127) ;; *) exit $status ;; esac
done
cat >&2 <<'END'
error: {moment} concerns SQL, and elf-sqlcheck is neither on PATH nor at
  {place}
  install it again and run `elf-sqlcheck hook install{option}`, or remove this hook (--no-verify leaves it out once)
END
exit 1
"""


class Place(Record):
    """Where hooks are: the absolute `folder`, and whether other repositories use it, too (`shared`)."""

    folder: str
    shared: bool


def place(repository: Repository) -> Place:
    """Where Git looks for the hooks of a repository, as core.hooksPath and worktrees have it.

    Raises UsageError when there can be none, or when husky keeps that folder.
    """
    folder, scope = repository.hooks()
    if os.path.basename(folder) == "_" and os.path.basename(os.path.dirname(folder)) == ".husky":
        raise UsageError(
            f"husky keeps the hooks of this repository ({os.path.relpath(folder)}) and writes them anew",
            "add the line `elf-sqlcheck lint --staged` to .husky/pre-commit",
        )
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise UsageError(
            f"hooks are switched off here: core.hooksPath is {folder}",
            "see where that comes from with `git config --show-origin core.hooksPath`",
        )
    return Place(folder, scope in {"global", "system"})


def script(kind: str, program: str, arguments: Sequence[str] = ()) -> str:
    """The text of a hook that starts `program`, or else the elf-sqlcheck on PATH, with more `arguments`.

    Raises UsageError when the path cannot stand in a script.
    """
    from shlex import quote

    if "\n" in program:
        raise UsageError("the path of elf-sqlcheck holds a line break", "install it elsewhere")
    pushing = kind == "pre-push"
    text = (_TOP + (_VERIFY if pushing else _LINT) + _END).format(
        mark=_MARK,
        what=KINDS[kind],
        kind=kind,
        kept=KEPT,
        files=" ".join(map(quote, FILES)),
        program=quote(program),
        arguments="".join(f" {quote(argument)}" for argument in arguments),
        moment="this push" if pushing else "this commit",
        place=program,
        option="" if kind == "pre-commit" else f" --type {kind}",
    )
    return text.replace(_MARK, _MARK + _checksum(text), 1)


def install(folder: str, kind: str, text: str, *, dry_run: bool = False) -> list[str]:
    """Write a hook and keep what is there; returns what was done, or would be. Nothing to do is an empty list.

    Raises UsageError when what is there cannot be kept, or the folder cannot be written.
    """
    path = os.path.join(folder, kind)
    kept = path + KEPT
    there = _read(path)
    if there == text:
        return []
    keeping = there is not None and not _is_ours(path, there)
    if keeping:
        _refuse_to_keep(path, kept, there or "")
    if not dry_run:
        try:
            os.makedirs(folder, exist_ok=True)
            _write(path, text, kept if keeping else "")
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}", "check the permissions of its folder") from error
    said = [f"{'Would write' if dry_run else 'Wrote'} {os.path.relpath(path)}"]
    if keeping:
        said.append(f"{'Would keep' if dry_run else 'Kept'} the hook that is there as {kind}{KEPT}: it runs first")
    return said


def uninstall(folder: str, kind: str, *, dry_run: bool = False) -> list[str]:
    """Remove a hook and put back what was there before; returns what was done, or would be.

    Raises UsageError when the hook is not ours, or was changed.
    """
    path = os.path.join(folder, kind)
    kept = path + KEPT
    there = _read(path)
    if there is None or not _is_ours(path, there):
        was = "there is none" if there is None else "what is there was written by somebody else"
        raise UsageError(f"{os.path.relpath(path)} is no hook of elf-sqlcheck: {was}", "nothing was removed")
    back = os.path.lexists(kept)
    if not dry_run:
        try:
            if back:
                os.replace(kept, path)
            else:
                os.remove(path)
        except OSError as error:
            raise UsageError(
                f"cannot remove {path}: {error.strerror}", "check the permissions of its folder"
            ) from error
    said = [f"{'Would remove' if dry_run else 'Removed'} {os.path.relpath(path)}"]
    if back:
        said.append(f"{'Would put' if dry_run else 'Put'} back the hook that was there before")
    return said


def installed(folder: str) -> list[str]:
    """The kinds of hook in a folder that were written here."""
    return [kind for kind in KINDS if _MARK in (_read(os.path.join(folder, kind)) or "")]


def _read(path: str) -> str | None:
    """A hook as text; "" when it cannot be read as one, None when there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return "" if os.path.islink(path) else None
    except OSError:
        return ""


def _checksum(text: str) -> str:
    from hashlib import sha256

    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _is_ours(path: str, text: str) -> bool:
    """Whether a hook was written here; raises UsageError when it was, and somebody changed it since."""
    before, mark, rest = text.partition(_MARK)
    if not mark:
        return False
    said, end, body = rest.partition("\n")
    if os.path.islink(path) or said != _checksum(before + mark + end + body):
        raise UsageError(
            f"{os.path.relpath(path)} was changed since `elf-sqlcheck hook install` wrote it",
            "move your own lines elsewhere and delete the file, then try again",
        )
    return True


def _refuse_to_keep(path: str, kept: str, text: str) -> None:
    """Raise UsageError when the hook that is there would not work under another name, or that name is taken."""
    name = os.path.basename(path)
    by_hand = "add the line `elf-sqlcheck lint --staged || exit` to it, or have it run that"
    if name == "pre-push":
        by_hand = "have it run `elf-sqlcheck verify --pushed`, with what Git says on standard input"
    if os.path.isdir(path):
        raise UsageError(f"{os.path.relpath(path)} is a folder", "remove it, or see which tool made it")
    if "basename" in text or "##*/" in text:
        raise UsageError(
            f"the hook {os.path.relpath(path)} seems to ask for its own name, so it cannot be kept under another",
            by_hand,
        )
    if os.path.lexists(kept):
        raise UsageError(
            f"{os.path.relpath(path)} was replaced since elf-sqlcheck was installed: {name}{KEPT} is from before that",
            f"keep one of the two as {name} and delete the other",
        )


def _write(path: str, text: str, kept: str) -> None:
    """Put a script in place, and what is there under the name `kept`, unless that is ""."""
    draft = f"{path}.{os.getpid()}"
    with open(draft, "x", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        file.write(text)
    try:
        os.chmod(draft, 0o755)  # noqa: S103 - a hook that Git cannot execute is silently passed over
        if kept:
            os.rename(path, kept)
        os.replace(draft, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.remove(draft)
        if kept and not os.path.lexists(path):
            os.rename(kept, path)
        raise
