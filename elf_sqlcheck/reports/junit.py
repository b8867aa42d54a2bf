"""JUnit's XML, as CI systems show tests: each file that was judged is a test case, each finding a failure of it.

Findings that do not fail the command are no failures: they stand in what the test case has printed, so that the
pipeline and its page of tests agree. There is no standard; https://github.com/testmoapp/junitxml says what is read.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from elf_sqlcheck.reports import Places
from elf_sqlcheck.reports.exchange import TOOL, Root, by_file, paragraphs
from elf_sqlcheck.reports.terminal import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elf_sqlcheck.model import Finding
    from elf_sqlcheck.reports import Report, Style


def render(report: Report, style: Style) -> str:  # noqa: ARG001 - the same for every format
    """One suite; durations, known after `verify` only, in seconds. Paths count from the root of the repository."""
    places, root = Places(report.sources), Root.of_repository()
    steps = report.verification.steps if report.verification is not None else ()
    times = {step.migration.path: step.ms / 1000 for step in steps}
    command = "lint" if report.verification is None else "verify"
    suite = ET.Element("testsuite", name=f"{TOOL} {command}")
    failures = 0
    files = by_file(report)
    for path, findings in files.items():
        name = clean(root.relative(path))
        time = f"{times.get(path, 0):.3f}"
        case = ET.SubElement(suite, "testcase", name=name, classname=f"{TOOL}.{command}", file=name, time=time)
        passed: list[str] = []
        for finding in findings:
            where = f"{name}:{places.of(finding).line}"
            if finding.severity < report.fail_on:
                passed.append(f"{where}: {finding.severity.label}: {_text(finding)}")
                continue
            failures += 1
            failure = ET.SubElement(case, "failure", message=clean(finding.message), type=clean(finding.rule))
            failure.text = f"{where}: {_text(finding)}"
        if passed:
            ET.SubElement(case, "system-out").text = "\n\n".join(passed)
    numbers = {
        "tests": str(len(files)), "failures": str(failures), "errors": "0", "skipped": "0",
        "time": f"{report.seconds:.3f}",
    }  # fmt: skip
    suite.attrib.update(numbers)
    whole = ET.Element("testsuites", {"name": TOOL, **numbers})
    whole.append(suite)
    return xml(whole)


def xml(whole: ET.Element) -> str:
    """A document, indented, in ASCII: it is the same in whatever encoding it is written."""
    ET.indent(whole)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(whole).decode("ascii")}\n'


def _text(finding: Finding) -> str:
    return f"{paragraphs(finding)} [{clean(finding.rule)}]"
