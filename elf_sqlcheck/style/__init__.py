"""How migrations are written: sqlfluff's rules, asked about what is SQL, their answers findings like all others.

A fix is taken only where the file says the same afterwards, to Postgres and to whoever reads its comments.
"""

from __future__ import annotations

from elf_sqlcheck import allowances, fix, layouts, run, suppress, text
from elf_sqlcheck.baseline import Covered
from elf_sqlcheck.finding import STYLE
from elf_sqlcheck.model import Edit, Fix, Severity
from elf_sqlcheck.style.judging import NOQA, UNJUDGED
from elf_sqlcheck.style.meaning import same_meaning
from elf_sqlcheck.style.processes import Judges
from elf_sqlcheck.style.rules import Chosen, choose

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from elf_sqlcheck.baseline import Baseline
    from elf_sqlcheck.config import Config
    from elf_sqlcheck.fix import Applied
    from elf_sqlcheck.model import Finding
    from elf_sqlcheck.run import Checked, Fixed
    from elf_sqlcheck.sources import Folder
    from elf_sqlcheck.style.judging import Found, Judged

__all__ = ["LARGE", "Chosen", "Judges", "Style", "choose"]

#: From this many bytes on, sqlfluff takes long enough to be told.
LARGE = 20_000


class Style:
    """The style of files: what is wrong with it, and how they would be without that.

    `judges` ask sqlfluff, `chosen` are the rules; findings that the `baseline` knows are kept apart.
    """

    def __init__(self, judges: Judges, chosen: Chosen, config: Config, baseline: Baseline | None = None) -> None:
        self.judges = judges
        self.chosen = chosen
        self.config = config
        self.baseline = baseline
        self._sealed: set[str] = set()

    def check(self, folders: Iterable[Folder]) -> Checked:
        """Judge the files asked for. Raises ConfigError when sqlfluff's configuration is no good."""
        folders = tuple(folders)
        self._sealed = _sealed(folders)
        checked = self._checked({path: data for folder in folders for path, data in asked(folder)})
        if self.baseline is None:
            return checked
        matched = self.baseline.match((*checked.findings, *checked.known), checked.sources)
        return checked.replace(unneeded=len(self.baseline.unneeded(matched, self.covered(folders, self.baseline))))

    def repair(self, folders: Sequence[Folder]) -> Fixed:
        """Fix what can be fixed, in passes until nothing changes; no file is written.

        A file that would say something else then, or lose a comment, stays as it was.
        """
        self._sealed = _sealed(folders)
        original = {path: data for folder in folders for path, data in asked(folder)}
        now, changed = dict(original), dict(original)
        seen = set(original.items())
        refused: set[str] = set()
        done: dict[str, int] = {}
        secrets: dict[str, frozenset[bytes]] = {}
        for number in range(run.PASSES):
            checked = self._checked(changed)
            if number == 0:
                secrets = run.secrets_of(checked)
            by_path: dict[str, list[Finding]] = {}
            for finding in checked.findings:
                by_path.setdefault(finding.path, []).append(finding)
            changed = {}
            for path, findings in by_path.items():
                applied, is_right = _mended(path, now[path], findings)
                if not is_right:
                    refused.add(path)
                    now[path] = original[path]
                    done.pop(path, None)
                elif (path, applied.data) not in seen:
                    changed[path] = applied.data
                    seen.add((path, applied.data))
                    done[path] = done.get(path, 0) + len(applied.done)
            now |= changed
            if not changed:
                break
        mended = [f.replace(files={path: now.get(path, data) for path, data in f.files.items()}) for f in folders]
        texts = {path: (data, now[path]) for path, data in original.items() if now[path] != data}
        return run.Fixed(tuple(mended), texts, sum(done.values()), tuple(sorted(refused)), secrets)

    def covered(self, folders: Iterable[Folder], baseline: Baseline) -> Covered:
        """What judging `folders` looks at, in the words of a baseline."""
        judged = frozenset(baseline.relative(path) for folder in folders for path, _ in asked(folder))
        return Covered(judged, frozenset(), frozenset(self.chosen.running), self.chosen.known)

    def _checked(self, files: dict[str, bytes]) -> Checked:
        findings: list[Finding] = []
        suppressed: list[Finding] = []
        for path, judged in self.judges(files).items():
            kept, allowed = self._settled(path, files[path], judged)
            findings += kept
            suppressed += allowed
        wanted = run.wanted(sorted(findings, key=_place), self.config)
        findings, suppressed = allowances.judged(wanted, suppressed, self.config)
        checked = run.Checked(tuple(findings), tuple(suppressed), files, len(files), {})
        if self.baseline is None:
            return checked
        matched = self.baseline.match(checked.findings, files)
        return checked.replace(findings=matched.shown, known=matched.known)

    def _settled(self, path: str, data: bytes, judged: Judged) -> tuple[list[Finding], list[Finding]]:
        """The findings that stay and those that a comment allows; a comment that allows nothing is found, too."""
        plain = text.pieces(path, data)[0]
        found = [finding for one in judged.found for finding in self._findings(path, one)]
        ran = {name: rule for name, rule in self.chosen.running.items() if name in judged.asked | {UNJUDGED, NOQA}}
        return suppress.apply(
            plain, found, suppress.read(plain), {**self.chosen.suppressions, **ran}, self.chosen.known, style=True
        )

    def _findings(self, path: str, found: Found) -> Iterator[Finding]:
        rule = self.chosen.running.get(found.rule)
        if rule is not None:
            edits = tuple(Edit(span, new) for span, new in found.edits)
            may = edits and path not in self._sealed
            mend = Fix("write it as sqlfluff does", edits) if may else None
            severity = Severity.NOTE if found.is_minor else rule.severity
            yield rule.finding(found.message, path, found.span, instead=found.instead, severity=severity, fix=mend)


def _mended(path: str, data: bytes, findings: Iterable[Finding]) -> tuple[Applied, bool]:
    """The fixes put in, and whether the file still says the same; comments that allow what is not found go last."""
    findings = list(findings)
    applied = fix.apply(data, [finding for finding in findings if finding.family == STYLE])
    if applied.done:
        return applied, same_meaning(path, data, applied.data)
    applied = fix.apply(data, findings)
    return applied, same_meaning(path, data, applied.data, comments=False)


def asked(folder: Folder) -> Iterator[tuple[str, bytes]]:
    """The files of SQL that are judged, with their bytes, in the order of their paths."""
    return ((path, folder.files[path]) for path in sorted(folder.judged) if not path.endswith("sqitch.plan"))


def _sealed(folders: Iterable[Folder]) -> set[str]:
    """The files that must not be edited, because their tool holds a hash of them."""
    migrations = (one for folder in folders for one in layouts.read_all(folder.files, folder.layout) if one.sealed)
    return {path for migration in migrations for path in migration.paths}


def _place(finding: Finding) -> tuple[str, int, str]:
    return finding.path, finding.span.start if finding.span else -1, finding.rule
