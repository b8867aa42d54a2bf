"""How a file differs from what was executed, as a diff without the credentials in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck import fix, run, secrecy

if TYPE_CHECKING:
    from elf_sqlcheck.cli.migrate_output import Output
    from elf_sqlcheck.model import Migration

_STYLES = {"+": "good", "-": "bad", "@": "faint"}


def difference(kept: Migration, file: Migration) -> str:
    """Return the unified diff from what was executed to what the files say, with stars in place of credentials."""
    secrets = {*run.credential_texts(kept), *run.credential_texts(file)}
    before, after = kept.parts(), file.parts()
    if len(before) != len(after):
        return fix.unified(file.path, secrecy.without(kept.data, secrets), secrecy.without(file.data, secrets))
    return "".join(
        fix.unified(new.path, secrecy.without(old.data, secrets), secrecy.without(new.data, secrets))
        for old, new in zip(before, after, strict=True)
        if old.data != new.data
    )


def show(output: Output, text: str, limit: int | None = None, more: str = "") -> None:
    """Print a diff; of a longer one than `limit` lines only the beginning, and `more`, which says where the rest is."""
    lines = [line for line in text.splitlines() if not line.startswith(("---", "+++"))]
    shown = lines[:limit]
    for line in shown:
        output.say(f"    {line.expandtabs()}", _STYLES.get(line[:1], ""))
    left = len(lines) - len(shown)
    if left:
        output.say(f"    … {left} more line{'' if left == 1 else 's'}: {more}", "faint")
