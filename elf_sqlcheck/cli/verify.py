"""The command `elf-sqlcheck verify`."""

from __future__ import annotations

import os
import time
from functools import partial

import click

from elf_sqlcheck import allowances, fix, layouts, run, sources, suppress
from elf_sqlcheck.cli import meaning, options, verify_options, verify_pushed, verify_servers
from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.git import here
from elf_sqlcheck.layouts.folders import script_of
from elf_sqlcheck.record import Record
from elf_sqlcheck.reports import Report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from elf_sqlcheck.baseline import Baseline, Covered
    from elf_sqlcheck.cli.meaning import Printer
    from elf_sqlcheck.config import Config
    from elf_sqlcheck.model import Finding, Migration
    from elf_sqlcheck.rule import Rule
    from elf_sqlcheck.verify import Options, Verification


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATHS]")
@click.option("--since", metavar="REF", help="Judge only files that changed since the branch left REF; apply all.")
@click.option("--pushed", is_flag=True, help="Judge what a push brings, in a pre-push hook (Git's, or pre-commit's).")
@click.option(
    "--pg-bin",
    metavar="DIR",
    help="The folder of the Postgres programs to use (as `pg_config --bindir`), or several with `:` between them.",
)
@click.option("--database-url", metavar="URL", help="Use this server, in a new database of its own.")
@click.option("--pg", metavar="MAJORS", help="Prove them on each of these majors of Postgres, as in `15,17`.")
@click.option("--keep", is_flag=True, help="Leave the database running when done, and say where it is.")
@click.option("--unsafe-fixes", is_flag=True, help="Write what a DOWN lacks into the file, and prove it again.")
@verify_options.tried
@options.baselined
@options.choice_of_rules
@options.report
@options.folder
@options.layout
@options.trusted
@options.configured
@click.pass_context
def verify(
    context: click.Context,
    /,
    paths: tuple[str, ...],
    *,
    since: str | None,
    pushed: bool,
    pg_bin: str | None,
    database_url: str | None,
    pg: str | None,
    keep: bool,
    unsafe_fixes: bool,
    **more: Any,
) -> None:
    """Prove migrations on a throw-away Postgres.

    Each is applied, rolled back, compared with what was there before, and applied again. PATHS are the files to
    judge (default: all); those before them are applied all the same.

    \b
    Examples:
      elf-sqlcheck verify
      elf-sqlcheck verify --since origin/main --ignore does-not-apply-again
      elf-sqlcheck verify --pg 15,18
      elf-sqlcheck verify --pg-bin /usr/lib/postgresql/17/bin
      elf-sqlcheck verify --pg 14,16 --pg-bin /opt/pg14/bin:/opt/pg16/bin
      elf-sqlcheck verify --keep
      elf-sqlcheck verify --unsafe-fixes
      elf-sqlcheck verify --output text:- --output html:report.html
    """
    if pushed:
        context.exit(verify_pushed.run(context))
    started_here = [name for name, value in (("--pg-bin", pg_bin), ("--pg", pg)) if value]
    if database_url and started_here:
        named = " and ".join((*started_here, "--database-url"))
        raise UsageError(f"{named} exclude each other", "name a running server, or which ones to start")
    if pg and keep:
        raise UsageError("--keep leaves one server running, and --pg asks for several", "leave one of them out")
    if unsafe_fixes and keep:
        raise UsageError("--unsafe-fixes proves twice, and --keep leaves one server running", "leave one of them out")
    config = meaning.settings(more["config_file"], more["isolated"], more["layout"], **meaning.trust(more))
    if database_url and config.untrusted:
        raise UsageError(
            "the files are not trusted, and what they do on a server of yours nobody can bound",
            "leave --database-url out, for a throw-away server; or say that they are trusted (--trusted)",
        )
    printer = meaning.printer(more)
    baseline = meaning.baseline(config, more["baseline_file"], no_baseline=more["no_baseline"])
    from elf_sqlcheck.reports.verification import sentence

    started = time.monotonic()
    where = verify_servers.Where(
        config.postgres_version,
        url=database_url,
        programs=pg_bin,
        majors=verify_servers.majors(pg, pg_bin) if pg else (),
        keep=keep,
        cache=not more["no_cache"],
    )
    rules = rules_of(config, more["select"], more["extend_select"], more["ignore"])
    judge = partial(
        prove,
        config,
        printer,
        rules,
        directory=more["directory"],
        paths=paths,
        since=since,
        where=where,
        tried=verify_options.of(more, config),
    )
    proof = judge()
    if proof is None:
        printer.note("no migration to judge: nothing to verify")
        printer.show(Report((), {}, 0))
        return
    fixed = _fix(proof, baseline) if unsafe_fixes else 0
    if fixed:
        proof = judge() or proof
    findings, unneeded = proof.findings, 0
    known: tuple[Finding, ...] = ()
    if baseline is not None:
        matched = baseline.match(findings, proof.texts)
        findings, known = matched.shown, matched.known
        unneeded = len(baseline.unneeded(matched, proof.covered(config, baseline)))
    seconds = time.monotonic() - started
    told = proof.only.union(finding.path for finding in (*findings, *known))
    report = Report(
        findings,
        {path: data for path, data in proof.texts.items() if path in told},
        len(proof.only),
        proof.allowed,
        fixed,
        known=known,
        secret=run.credentials(
            [step.migration for step in proof.result.steps if told.intersection(step.migration.paths)]
        ),
        verification=proof.result,
        seconds=seconds,
        judged=proof.only,
        rules=proof.rules,
        fail_on=meaning.fail_on(more, config),
    )
    printer.show(report)
    printer.note_known(len(known), unneeded)
    for note in (*proof.result.notes, sentence(proof.result, seconds)):
        printer.note(note)
    context.exit(meaning.exit_code(report))


def _fix(proof: Proof, baseline: Baseline | None) -> int:
    """Write the fixes of what is found into the files; returns how many findings they are for."""
    findings = baseline.match(proof.findings, proof.texts).shown if baseline else proof.findings
    applied = fix.apply_all(proof.texts, findings, fix.UNSAFE)
    for path, data in applied.files.items():
        if data != proof.texts[path]:
            fix.write(path, data, proof.texts[path])
    return len(applied.done)


class Proof(Record):
    """What proving came to: the findings that no comment allows, how many are allowed, and what was judged."""

    findings: tuple[Finding, ...]
    allowed: int
    texts: Mapping[str, bytes]
    only: frozenset[str]
    rules: tuple[Rule, ...]
    result: Verification

    def covered(self, config: Config, baseline: Baseline) -> Covered:
        """What was looked at, in the words of a baseline; the other rules are known, and did not run."""
        ran = run.Ruleset(self.rules, run.ruleset(config).known)
        return run.covered([sources.Folder("", self.texts, self.only)], ran, config, baseline, proven=True)


def prove(
    config: Config,
    printer: Printer,
    rules: Sequence[Rule],
    *,
    directory: str,
    paths: tuple[str, ...] = (),
    since: str | None = None,
    where: verify_servers.Where | None = None,
    tried: Options | None = None,
) -> Proof | None:
    """Prove the migrations asked for; None when there are none. Raises UsageError and ServerError."""
    migrations = _migrations(config, directory)
    only = _judged(migrations, paths, since, config)
    if config.base is not None and not paths:
        from elf_sqlcheck import overlooked

        overlooked.refuse((path for migration in migrations for path in migration.paths), config, directory)
    if not only:
        return None
    wanted = tried or verify_options.of({}, config)
    result = verify_servers.prove(
        migrations, only, rules, printer, where or verify_servers.Where(config.postgres_version), wanted
    )
    kept, silenced = _unsuppressed(migrations, result.findings)
    findings, allowed = allowances.judged(run.wanted(kept, config), silenced, config)
    texts = {part.path: part.data for migration in migrations for part in migration.parts()}
    return Proof(tuple(findings), len(allowed), texts, only, tuple(rules), result)


def rules_of(
    config: Config, select: tuple[str, ...] = (), extend: tuple[str, ...] = (), ignore: tuple[str, ...] = ()
) -> list[Rule]:
    """What may be found; raises UsageError when that is nothing, since then any migration would pass."""
    chosen = [rule for rule in run.ruleset(config, select, extend, ignore).rules if rule.family == "verify"]
    if not chosen:
        raise UsageError(
            "no rule of the family verify is selected, so that nothing could be found",
            "select verify too (`--extend-select verify`, `extend-select` in the configuration), or do not ignore it",
        )
    return chosen


def _migrations(config: Config, named: str) -> list[Migration]:
    folder = sources.default_folder(config, named)
    if not folder:
        raise UsageError(
            "there is no migrations folder here", "name it with --dir, or make one with `elf-migrate init`"
        )
    migrations = layouts.read_directory(folder, config.layout)
    if named and not migrations:
        raise UsageError(f"there are no SQL files in {named}", "name the folder that holds the migrations")
    return migrations


def _judged(migrations: list[Migration], paths: tuple[str, ...], since: str | None, config: Config) -> frozenset[str]:
    """The paths to judge; raises UsageError when one that was named is no migration of the folder."""
    judged = _real_paths(path for migration in migrations for path in migration.paths)
    for path in paths:
        if os.path.realpath(path) not in judged.values():
            raise UsageError(f"{path} is no file of the migrations folder", "name its folder with --dir")
    if paths:
        wanted = {os.path.realpath(path) for path in paths}
        judged = {path: real for path, real in judged.items() if real in wanted}
    if since is not None:
        repository = here("--since needs")
        changed = frozenset(map(script_of, repository.changed_since(since)))
        names = {path: os.path.relpath(real, os.path.realpath(repository.root)) for path, real in judged.items()}
        judged = {path: real for path, real in judged.items() if names[path].replace(os.sep, "/") in changed}
    return frozenset(path for path in judged if not config.excludes(path))


def _real_paths(paths: Iterable[str]) -> dict[str, str]:
    """The real path of each; a folder of a thousand files is followed to its own, and looked at, once."""
    folders: dict[str, tuple[str, set[str]]] = {}
    found: dict[str, str] = {}
    for path in paths:
        folder, name = os.path.split(path)
        if folder not in folders:
            with os.scandir(folder or ".") as entries:
                links = {entry.name for entry in entries if entry.is_symlink()}
            folders[folder] = os.path.realpath(folder), links
        real, links = folders[folder]
        found[path] = os.path.realpath(path) if name in links else os.path.join(real, name)
    return found


def _unsuppressed(migrations: list[Migration], findings: list[Finding]) -> tuple[tuple[Finding, ...], list[Finding]]:
    """The findings that stay, and those that a comment allows; lint judges the comments themselves."""
    kept: list[Finding] = []
    allowed: list[Finding] = []
    for migration in migrations:
        own = [finding for finding in findings if finding.path == migration.path]
        if migration.sealed:
            own = [finding.replace(fix=None) for finding in own]
        if own:
            staying, suppressed = suppress.apply(migration, own, suppress.read(migration), {}, ())
            kept += map(migration.located, staying)
            allowed += suppressed
    return tuple(kept), allowed
