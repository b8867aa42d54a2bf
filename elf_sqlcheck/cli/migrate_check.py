"""What has to be right before anything is run: the rules, and executed files that nobody has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elf_sqlcheck.cli.migrate_status import changed
from elf_sqlcheck.errors import ElfError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from elf_sqlcheck.cli.migrate_output import Output
    from elf_sqlcheck.cli.migrate_session import Session
    from elf_sqlcheck.migrate.history import State
    from elf_sqlcheck.model import Finding, Migration
    from elf_sqlcheck.shared.database import SupabaseExecutor

#: So many lines of a diff are shown where it is not what was asked for.
_FEW = 12


def check(session: Session, judged: Sequence[Migration], *, cached: bool) -> None:
    """Judge migrations by the rules, as `elf-sqlcheck lint` does, and show what is found.

    Args:
        session: Whose folder it is, since the schema is known from the earlier ones, and whose configuration says
            which rules run, and from which severity on they stop a deploy.
        judged: Those to judge.
        cached: Take what an earlier run has found in the same files, and keep what this one finds. Nothing that is
            applied rests on that: who can write into the cache must not be able to open this gate.

    Raises:
        ElfError: There are findings that stop a deploy; exit code 1.
        RuleError: A rule cannot be loaded, or broke.
    """
    if not judged:
        return
    from elf_sqlcheck import reports, run, sources
    from elf_sqlcheck.cli import meaning

    output, config = session.output, session.config
    paths = frozenset(path for migration in judged for path in migration.paths if not config.excludes(path))
    # What is judged is what is run, whatever becomes of the files meanwhile.
    folder = (session.folder or sources.whole(session.directory, config.layout)).replace(judged=paths)
    baseline = meaning.baseline(config)
    checked = run.check([folder], run.ruleset(config), config, baseline, cached=cached)
    report = reports.Report(
        checked.findings, checked.sources, checked.files, len(checked.suppressed), known=checked.known
    )
    if output.as_json:
        import json

        output.data["validation"] = json.loads(reports.render("json", report, reports.Style()))
    elif report.findings:
        output.raw(reports.render("text", report, meaning.style(no_color=False)))
    stopping = [finding for finding in report.findings if finding.severity >= config.fail_on]
    if stopping:
        raise ElfError(
            f"Validation found {reports.counted(len(stopping), config.fail_on.label)} in {_files(stopping)}: "
            "nothing was run.",
            "Correct the files; `elf-sqlcheck explain RULE` says more about a rule.",
        )


def refuse_changed(output: Output, executor: SupabaseExecutor, migrations: Sequence[Migration],
                   states: Mapping[str, State]) -> None:  # fmt: skip
    """Make sure that executed migrations are still what was executed, and show how they differ.

    Raises:
        ElfError: Some are not; exit code 1.
    """
    found = changed(migrations, states)
    if not found:
        return
    from elf_sqlcheck.cli import migrate_diff
    from elf_sqlcheck.migrate.history import History

    history = History(executor)
    output.data["changed"] = []
    for migration in found:
        kept = history.kept(states[migration.version])
        text = migrate_diff.difference(kept, migration) if kept else ""
        output.data["changed"].append({"version": migration.version, "path": migration.path, "diff": text})
        output.say(f"{migration.path} was changed after it was executed:", "warn")
        whole = f"elf-migrate repair --accept {migration.version} --dry-run"
        migrate_diff.show(output, text, _FEW, f"`{whole}` shows them")
    files = ", ".join(migration.path for migration in found)
    accept = " ".join(f"--accept {migration.version}" for migration in found)
    raise ElfError(
        f"Changed after it was executed: {files}. The database does not have what the file says now.",
        "Restore the file and put the change into a new migration (`elf-migrate create`); or, when what it makes "
        f"is still the same, `elf-migrate repair {accept}`; --skip-validation goes on this once.",
    )


def _files(findings: Sequence[Finding]) -> str:
    return ", ".join(sorted({finding.path for finding in findings}))
