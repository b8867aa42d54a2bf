"""From folders to findings: which rules run, the lint itself, and fixing until nothing changes any more."""

from __future__ import annotations

import gc
import os
from collections import ChainMap

from elf_sqlcheck import allowances, fix, layouts, mainline, registry
from elf_sqlcheck.finding import is_style
from elf_sqlcheck.lint import Result, lint
from elf_sqlcheck.model import Fix
from elf_sqlcheck.record import Record
from elf_sqlcheck.secrecy import secrets_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from elf_sqlcheck.baseline import Baseline, Covered
    from elf_sqlcheck.config import Config
    from elf_sqlcheck.model import Applicability, Finding, Migration
    from elf_sqlcheck.rule import Rule
    from elf_sqlcheck.sources import Folder

#: Passes of fixing: one fix may uncover the next, but not for ever.
PASSES = 10
#: Rules whose findings are allowed only one by one: what has leaked must be revoked.
CREDENTIALS = frozenset({"hardcoded-secret", "password-literal"})


class Ruleset(Record):
    """The rules that run, and the names of all that exist, which suppressions may mention."""

    rules: tuple[Rule, ...]
    known: frozenset[str]


class Checked(Record):
    """What came out: `sources` are the bytes that were judged, by path; `files` how many were judged.

    `known` are the findings that a baseline knows, `unneeded` how many of its entries no longer occur.
    `units` are the files of each migration that has several, by each of their paths.
    """

    findings: tuple[Finding, ...]
    suppressed: tuple[Finding, ...]
    sources: Mapping[str, bytes]
    files: int
    units: Mapping[str, tuple[str, ...]]
    known: tuple[Finding, ...] = ()
    unneeded: int = 0

    @property
    def secret(self) -> tuple[Finding, ...]:
        """The findings of credentials that are not shown."""
        return tuple(finding for finding in (*self.suppressed, *self.known) if finding.family == "secrets")


class Fixed(Record):
    """What fixing came to.

    `texts` maps paths to (bytes before, bytes after) where these differ; `done` counts the findings that were fixed;
    `refused` are the files that the fixes would have broken, left as they are. `secrets` are the credentials in the
    files, as they are written.
    """

    folders: tuple[Folder, ...]
    texts: Mapping[str, tuple[bytes, bytes]]
    done: int
    refused: tuple[str, ...]
    secrets: Mapping[str, frozenset[bytes]]


def ruleset(
    config: Config, select: Sequence[str] = (), extend: Sequence[str] = (), ignore: Sequence[str] = ()
) -> Ruleset:
    """The rules to run: the configuration's choice, of which `select` replaces and the others extend the parts.

    Raises:
        RuleError: A rule cannot be loaded.
        ConfigError: A name is neither a rule's nor a family's.
    """
    rules = registry.load(config.absolute(config.rules_dir) if config.rules_dir else None, base=config.base)
    known = frozenset(rule.name for rule in rules)
    names = known | {rule.family for rule in rules}
    for ignored in config.per_file_ignores.values():
        for name in ignored:
            if name not in names and not is_style(name):
                raise registry.unknown_rule(name, names)
    chosen = registry.select(
        rules,
        select or _without_style(config.select),
        (*_without_style(config.extend_select), *extend),
        (*_without_style(config.ignore), *ignore),
        profile=config.profile,
        severity={name: level.label for name, level in config.severity.items() if not is_style(name)},
    )
    return Ruleset(chosen, known)


def _without_style(names: Iterable[str]) -> tuple[str, ...]:
    """The names in a configuration that `lint` knows: it says what `style` is to do, too."""
    return tuple(name for name in names if not is_style(name))


def compare(folders: Iterable[Folder], config: Config) -> list[Callable[[], Mapping[str, Any]]]:
    """Begin to ask Git how the folders differ from the main branch; `check` waits for what it says."""
    return [mainline.ask(folder, config.main_branch) for folder in folders]


def check(
    folders: Iterable[Folder],
    rules: Ruleset,
    config: Config,
    baseline: Baseline | None = None,
    *,
    cached: bool = False,
    compared: Sequence[Callable[[], Mapping[str, Any]]] | None = None,
) -> Checked:
    """Judge the files asked for in each folder, against all the files before them.

    Findings that the `baseline` knows are kept apart. What was found, and the schema before a folder's files, may come
    from a run before when it is `cached`. Git is asked about the main branch unless that has been done (`compared`).
    """
    folders = tuple(folders)
    compared = compared or compare(folders, config)
    findings: list[Finding] = []
    suppressed: list[Finding] = []
    units: dict[str, tuple[str, ...]] = {}
    files = 0
    for folder, answer in zip(folders, compared, strict=True):
        with _NoCollection():
            migrations = _migrations(folder)
            settings = {**config.settings(), **answer()}
            result = _lint(folder, migrations, rules, settings, cached=cached)
        shown, allowed = allowances.judged(wanted(result.findings, config), result.suppressed, config)
        findings += shown
        suppressed += allowed
        units |= {path: other.paths for other in migrations if other.files for path in other.paths}
        files += len(folder.judged)
    sources: Mapping[str, bytes] = ChainMap(*(folder.files for folder in folders))  # type: ignore[arg-type] # nobody writes into it
    checked = Checked(tuple(findings), tuple(suppressed), sources, files, units)
    if baseline is None:
        return checked
    matched = baseline.match(checked.findings, sources)
    unneeded = baseline.unneeded(matched, covered(folders, rules, config, baseline))
    return checked.replace(findings=matched.shown, known=matched.known, unneeded=len(unneeded))


def _lint(
    folder: Folder,
    migrations: Sequence[Migration],
    rules: Ruleset,
    settings: Mapping[str, Any],
    *,
    cached: bool,
) -> Result:
    """Judge a folder; what concerns none of its files comes up with the first that is judged, so one must be."""
    if folder.judged or not migrations:
        kept = (folder.path, folder.files) if cached and folder.series else None
        return lint(migrations, rules.rules, settings, folder.judged, rules.known, kept)
    if not settings.get("main-deleted"):
        return lint((), ())
    result = lint(migrations, rules.rules, settings, {migrations[0].path}, rules.known)
    gone = tuple(finding for finding in result.findings if finding.path not in folder.files)
    return result.replace(findings=gone, suppressed=())


def covered(
    folders: Iterable[Folder], rules: Ruleset, config: Config, baseline: Baseline, *, proven: bool = False
) -> Covered:
    """What linting `folders`, or proving them, looks at, in the words of a baseline."""
    from elf_sqlcheck.baseline import Covered

    folders = tuple(folders)
    whole = (f for f in folders if all(path in f.judged or config.excludes(path) for path in f.files))
    return Covered(
        frozenset(baseline.relative(path) for folder in folders for path in folder.judged),
        frozenset(os.path.dirname(baseline.relative(path)) for folder in whole for path in folder.files),
        frozenset(rule.name for rule in rules.rules if bool(rule.on) is not proven),
        rules.known,
    )


class _NoCollection:
    """Without the search for cycles, of which reading and judging makes none: it costs a sixth of a large run."""

    __slots__ = ("_collecting",)

    def __enter__(self) -> None:
        self._collecting = gc.isenabled()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        if self._collecting:
            gc.enable()


def repair(
    folders: Sequence[Folder],
    rules: Ruleset,
    config: Config,
    allowed: Collection[Applicability] = fix.SAFE,
    baseline: Baseline | None = None,
) -> Fixed:
    """Fix what can be fixed, in passes until nothing changes; no file is written. What a baseline knows stays.

    A file that the fixes would break, in that less of it parses than before, stays as it was.
    """
    original = {path: data for folder in folders for path, data in folder.files.items()}
    judged = {path for folder in folders for path in folder.judged}
    refused: set[str] = set()
    done: dict[tuple[str, ...], int] = {}
    secrets: dict[str, frozenset[bytes]] = {}
    for number in range(PASSES):
        checked = check(folders, rules, config, baseline)
        if number == 0:
            secrets = secrets_of(checked)
        by_unit: dict[tuple[str, ...], list[Finding]] = {}
        for finding in checked.findings:
            unit = checked.units.get(finding.path, (finding.path,))
            if refused.isdisjoint(unit) and not judged.isdisjoint(unit):
                by_unit.setdefault(unit, []).append(finding)
        changed: dict[str, bytes] = {}
        for unit, findings in by_unit.items():
            applied = fix.apply_all({path: checked.sources[path] for path in unit}, findings, allowed)
            changes = {path: data for path, data in applied.files.items() if data != checked.sources[path]}
            broken = [path for path, data in changes.items() if _broken(path, data) > _broken(path, original[path])]
            if broken:
                refused.update(broken)
                changed |= {path: original[path] for path in unit}
                done.pop(unit, None)
            elif changes:
                changed |= changes
                done[unit] = done.get(unit, 0) + len(applied.done)
        if not changed:
            break
        folders = [
            folder.replace(files={path: changed.get(path, data) for path, data in folder.files.items()})
            for folder in folders
        ]
    now = {path: data for folder in folders for path, data in folder.files.items()}
    texts = {path: (data, now[path]) for path, data in original.items() if now[path] != data}
    return Fixed(tuple(folders), texts, sum(done.values()), tuple(sorted(refused)), secrets)


def credentials(migrations: Sequence[Migration]) -> tuple[Finding, ...]:
    """What the rules about credentials find in migrations, whichever rules are switched on."""
    result = lint(migrations, [rule for rule in registry.builtin() if rule.family == "secrets"])
    return tuple(finding for finding in (*result.findings, *result.suppressed) if finding.family == "secrets")


def credential_texts(migration: Migration) -> Iterator[bytes]:
    """The credentials in a migration, found by their shapes and by the rules."""
    yield from (migration.data[start:end] for _, start, end in secrets_in(migration.data))
    data = {part.path: part.data for part in migration.parts()}
    for finding in credentials((migration,)):
        if finding.span is not None:
            yield data[finding.path][finding.span.start : finding.span.end]


def secrets_of(checked: Checked) -> dict[str, frozenset[bytes]]:
    """The credentials in the files, found by their shapes and by rules."""
    found = {path: {data[start:end] for _, start, end in secrets_in(data)} for path, data in checked.sources.items()}
    for finding in (*checked.findings, *checked.secret):
        if finding.family == "secrets" and finding.span is not None:
            found[finding.path].add(checked.sources[finding.path][finding.span.start : finding.span.end])
    return {path: frozenset(texts) for path, texts in found.items() if texts}


def allow(
    folders: Sequence[Folder],
    rules: Ruleset,
    config: Config,
    reason: str,
    *,
    named: Container[str] = (),
    baseline: Baseline | None = None,
) -> Fixed:
    """Write a suppression for everything that is found; no file is written.

    Credentials are allowed only where their rule is among the `named`, and faults of suppressions never: these have
    fixes. What comments above statements do not cover is allowed for the whole file in the end. A file in which the
    comments would change what is SQL stays as it was.
    """
    from elf_sqlcheck.allow import same_statements, suppressions

    original = {path: data for folder in folders for path, data in folder.files.items()}
    judged = {path for folder in folders for path in folder.judged}
    refused: set[str] = set()
    done = 0
    secrets: dict[str, frozenset[bytes]] = {}
    for number in range(PASSES):
        checked = check(folders, rules, config, baseline)
        if number == 0:
            secrets = secrets_of(checked)
        by_path: dict[str, list[Finding]] = {}
        for finding in checked.findings:
            barred = finding.rule in CREDENTIALS and finding.rule not in named
            asked = not judged.isdisjoint(checked.units.get(finding.path, (finding.path,)))
            if asked and finding.path not in refused and finding.family != "suppressions" and not barred:
                by_path.setdefault(finding.path, []).append(finding)
        changed: dict[str, bytes] = {}
        for path, findings in by_path.items():
            data = checked.sources[path]
            edits = suppressions(path, data, findings, reason, above=number < 2)
            changed[path] = fix.apply(data, [findings[0].replace(fix=Fix("allow it", tuple(edits)))]).data
            if not same_statements(path, data, changed[path]):
                refused.add(path)
                changed[path] = original[path]
        if not changed:
            break
        done += sum(len(findings) for path, findings in by_path.items() if path not in refused)
        folders = [folder.replace(files={**folder.files, **_of(folder, changed)}) for folder in folders]
    now = {path: data for folder in folders for path, data in folder.files.items()}
    texts = {path: (data, now[path]) for path, data in original.items() if now[path] != data}
    return Fixed(tuple(folders), texts, done, tuple(sorted(refused)), secrets)


def _of(folder: Folder, texts: Mapping[str, bytes]) -> dict[str, bytes]:
    return {path: data for path, data in texts.items() if path in folder.files}


def _migrations(folder: Folder) -> list[Migration]:
    return layouts.read_all(folder.files, folder.layout)


def _broken(path: str, data: bytes) -> int:
    return len(layouts.read(path, data).broken)


def wanted(findings: Iterable[Finding], config: Config) -> list[Finding]:
    """The findings without those that `per-file-ignores` switches off."""
    if not config.per_file_ignores:
        return list(findings)
    return [finding for finding in findings if not {finding.rule, finding.family} & config.ignored_for(finding.path)]
