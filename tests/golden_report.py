"""A small report with all that is hard to write, as the files in tests/golden hold it in each format.

`python -m tests.golden_report` writes them anew; look at what has changed before you commit it.
"""

from __future__ import annotations

import os
from importlib.metadata import version

from elf_sqlcheck import reports
from elf_sqlcheck.model import Applicability, Edit, Finding, Fix, Severity, Span
from elf_sqlcheck.reports import Report, Style
from elf_sqlcheck.rule import Example, Rule

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
#: All but html, which is mostly style and script: tests/test_html_report.py reads it in a browser.
FORMATS = tuple(name for name in reports.FORMATS if name != "html")
SECRET = "sb_secret_" + "q7Zk2Wm9Xp4Lt8Rv1Ns6Yb3"
PATH = "db/migrations/20250102_000000_größe & <b>.sql"
FINE = "db/migrations/20250101_000000_fine.sql"
TEXT = f"""\
-- "Größe" <script>alert('&')</script>
CREATE TABLE "a<b>&""c d" (
    /* 価格 🎉 */ price money, total money,
    key text DEFAULT '{SECRET}'
);
"""
DATA = TEXT.replace("\n", "\r\n").encode()
NASTY = 'it\'s "<b>&amp;" ]]> [here](https://evil.example)\n::error::100%0A, `é` @all \x1b[31m\u202e\x00'


def span(text: str, after: str = "") -> Span:
    start = DATA.index(text.encode(), DATA.index(after.encode()))
    return Span(start, start + len(text.encode()))


def finding(rule: str, family: str, severity: Severity, message: str, place: Span | None, *more: str,
            fix: Fix | None = None) -> Finding:  # fmt: skip
    why, instead = (*more, "", "")[:2]
    return Finding(rule, family, severity, message, PATH, place, why, instead, fix)


def report() -> Report:
    first, second = span("money", "price"), span("money", "total")
    numeric = Fix("write numeric(12,2)", (Edit(first, "numeric(12,2)"), Edit(second, "numeric(12,2)")))
    columns = Edit(Span(span(" price").start, span(",\r\n    key").start), "\n    price text,\n    total text")
    dropped = Fix("add a DOWN section", (Edit(Span(len(DATA), len(DATA)), "DROP TABLE x;\n"),), Applicability.SHOWN)
    secret = finding("hardcoded-secret", "secrets", Severity.ERROR, f"this holds {SECRET}", span(f"'{SECRET}'"))
    findings = (
        finding("header-missing", "files", Severity.NOTE, "the header is missing", None, fix=dropped),
        finding("odd-name", "naming", Severity.WARNING, NASTY, span('"a<b>&""c d"'), "Nobody can\ntype it.", "a_b"),
        finding("money-type", "types", Severity.ERROR, "column price is money", first, "Because.", fix=numeric),
        finding("money-type", "types", Severity.ERROR, "column total is money", second, "Because.",
                fix=Fix("write text", (columns,), Applicability.UNSAFE)),
        secret,
    )  # fmt: skip
    why, instead = "It has the currency of the server.", "CREATE TABLE t (\n    price numeric(12,2)\n);"
    rule = Rule("money-type", "types", Severity.ERROR, "MONEY", why, instead, (), lambda _: (),
                bad=(Example("CREATE TABLE t (price money); -- finding"),), good=(Example(instead),))  # fmt: skip
    return Report(findings, {PATH: DATA, FINE: b"SELECT 1;\n"}, 2, judged=frozenset({PATH, FINE}), rules=(rule,))


def rendered(name: str) -> str:
    """The report in one format, without the version of this package."""
    return reports.render(name, report(), Style()).replace(f': "{version("elf-sqlcheck")}"', ': "VERSION"')


def main() -> None:
    for name in FORMATS:
        with open(os.path.join(FOLDER, f"report.{name}"), "w", encoding="utf-8", newline="") as file:
            file.write(rendered(name))


if __name__ == "__main__":
    main()
