"""What comments in files may allow: what they say, unless the files are a stranger's or nothing is to be allowed."""

from __future__ import annotations

from elf_sqlcheck.finding import Severity, order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.config import Config
    from elf_sqlcheck.finding import Finding


def judged(
    findings: Sequence[Finding], allowed: Sequence[Finding], config: Config
) -> tuple[list[Finding], list[Finding]]:
    """The findings that are shown, in their order, and of those that comments allow the ones that count as allowed.

    Where no comment counts, all are shown for what they are. In a file that a stranger has changed, what a comment
    allows is shown as a note: it stays allowed, and whoever reviews the change learns of it.
    """
    if not config.suppressions:
        return sorted([*findings, *allowed], key=order), []
    if not config.untrusted or not allowed:
        return list(findings), list(allowed)
    base = config.base
    told = [finding for finding in allowed if base is None or base.has_changed(finding.path)]
    return sorted([*findings, *map(_told, told)], key=order), list(allowed)


def _told(finding: Finding) -> Finding:
    return finding.replace(
        severity=Severity.NOTE,
        message=f"allowed by a comment of a change that is not trusted: {finding.message}",
        fix=None,
    )
