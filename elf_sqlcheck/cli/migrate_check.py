"""What has to be right before anything is run: the rules, and executed files that nobody has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.cli.migrate_status import changed
from elf_sqlcheck.errors import ElfError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from elf_sqlcheck.cli.migrate_session import Session
    from elf_sqlcheck.migrate.history import State
    from elf_sqlcheck.model import Finding, Migration


def check(session: Session, judged: Sequence[Migration]) -> None:
    """Judge migrations by the rules, as `elf-sqlcheck lint` does, and show what is found.

    Args:
        session: Whose folder it is, since the schema is known from the earlier ones, and whose configuration says
            which rules run, and from which severity on they stop a deploy.
        judged: Those to judge.

    Raises:
        ElfError: There are findings that stop a deploy; exit code 1.
        RuleError: A rule cannot be loaded, or broke.
    """
    if not judged:
        return
    from elf_sqlcheck import reports, run, sources
    from elf_sqlcheck.cli import options

    output, config = session.output, session.config
    paths = frozenset(path for migration in judged for path in migration.paths if not config.excludes(path))
    folder = sources.whole(session.directory, config.layout).replace(judged=paths)
    baseline = options.baseline(config)
    checked = run.check([folder], run.ruleset(config), config, baseline)
    report = reports.Report(
        checked.findings, checked.sources, checked.files, len(checked.suppressed), known=checked.known
    )
    if output.as_json:
        import json

        output.data["validation"] = json.loads(reports.render("json", report, reports.Style()))
    elif report.findings:
        output.raw(reports.render("text", report, options.style(no_color=False)))
    stopping = [finding for finding in report.findings if finding.severity >= config.fail_on]
    if stopping:
        raise ElfError(
            f"Validation found {reports.counted(len(stopping), config.fail_on.label)} in {_files(stopping)}: "
            "nothing was run.",
            "Correct the files; `elf-sqlcheck explain RULE` says more about a rule.",
        )


def refuse_changed(migrations: Sequence[Migration], states: Mapping[str, State]) -> None:
    """Make sure that executed migrations are still what was executed.

    Raises:
        ElfError: Some are not; exit code 1.
    """
    found = changed(migrations, states)
    if found:
        files = ", ".join(migration.path for migration in found)
        raise ElfError(
            f"Changed after it was executed: {files}. The database does not have what the file says now.",
            "Restore the file and put the change into a new migration (`elf-migrate create`); or, when what it makes "
            "is still the same, go on with --skip-validation.",
        )


def _files(findings: Sequence[Finding]) -> str:
    return ", ".join(sorted({finding.path for finding in findings}))
