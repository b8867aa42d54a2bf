"""Migrations of a stranger who wants to be read as something else, and readers that do what terminals, CI systems,
GitHub and parsers of XML do.

Each of `PAYLOADS` stands wherever a migration can say something: in names of tables, columns, functions, policies and
roles, in literals, comments, reasons of suppressions, the header, and the name of the file.
"""

from __future__ import annotations

import html.parser
import os
import re
import subprocess
import sys
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

import cmarkgfm
from cmarkgfm.cmark import Options

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

#: Each is shorter than a name may be in Postgres (63 bytes), and holds the word that tells it from all others.
PAYLOADS = {
    "clear": "clear\x1b[2J\x1b[H\x1b[32m0 errors",
    "title": "title\x1b]0;owned\x07",
    "hyperlink": "hyper\x1b]8;;http://evil.example\x1b\\x\x1b]8;;\x1b\\",
    "c1": "c1\x9b31mred\x9d0;t\x9c\x85next",
    "return": "return\rerror: nothing\r\nfound",
    "backspace": "backspace\b\b\b\b\x7f\x0b\x0c",
    "separators": "sep\u2028error: x\u2029error: y",
    "bidi": "bidi\u202a\u202b\u202d\u202e\u202c\u2066\u2067\u2068\u2069\u200e\u200f\u061c",
    "unseen": "unseen\u200b\u200c\u200d\u2060\ufeff\u00ad\u3164\u115f\u034f",
    "tags": "tags\U000e0001\U000e0041\U000e007f",
    "command": "command\n::error file=x,line=1::fake",
    "mask": "mask\n  ::add-mask::x\n\u00a0::set-output name=a::b",
    "stop": "stop\n::stop-commands::tok\n::save-state name=a::b",
    "group": "##[group]group##[add-mask]x##[error]y",
    "vso": "vso##vso[task.setvariable variable=a]b##teamcity[x]",
    "percent": "percent%0A::error::%0D%25",
    "header": "header\nmigrations/a.sql:1:1  error  money-type",
    "note": "note\nerror: it is all right\nnote: go on",
    "pipes": "pipes | a | b |\n|---|---|",
    "ticks": "ticks ` `` ``` ````\n```\n<b>x</b>",
    "details": "details</details><img src=x onerror=hurt=1>",
    "summary": "sum</summary><svg onload=hurt=1><a href=//e>",
    "link": "link [x](javascript:alert(1)) ![x](//evil.example/i)",
    "reference": "reference [a]: <http://e>\n\n[a]: //e\n# head",
    "mention": "mention @team @org/team a@b.example",
    "issue": "issue #1 GH-2 o/r#3 \\#4",
    "cdata": "cdata ]]> <![CDATA[ --> &#0; &lt; &nbsp;",
    "entity": "entity <?x?> <!DOCTYPE a> &x; &#x1b;",
    "illegal": "illegal\x01\x02\ufffe\uffff\ufdd0",
    "json": 'json", "severity": "note"}], "x": [{"\\u0000\\',
    "script": "script</script><script>window.hurt=1</script>",
    "attribute": "attr\" onmouseover='hurt=1' autofocus x=`",
    "style": "style</style><iframe src=//evil.example></iframe>",
    "template": "template {{ 7*7 }} ${{ github.token }} {% x %}",
    "formula": "=cmd|' /C calc'!A0,+formula@SUM(1)\t-1",
    "rich": "rich [bold red]x[/] [link=http://evil.example]y",
    "comment": "comment --> <!-- --!> */ /* x",
    "backslash": "backslash\\x1b[31m \\n \\u202e",
}
#: Names of files that hold what no text does.
BYTES = (b"bytes\xff\xfe\x9b31m\x80", b"-o\xc0\xaf", b"surrogate\xed\xa0\x80")
_SECRET = "sb_secret_" + "q7Zk2Wm9Xp4Lt8Rv1Ns6Yb3"
#: What may open a line of an error, which only we do.
_OPENING = re.compile(r"(?m)^(?:error|Error|note|Usage): ")
#: What no reader of a line may get: C0, DEL and C1 (Cc), bidirectional and other unseen controls (Cf), separators of
#: lines (Zl, Zp), halves of pairs (Cs), what is no character (Cn), and fillers that count as letters.
_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Cn"})
_FILLERS = frozenset("\u034f\u115f\u1160\u3164\uffa0")
#: https://github.com/actions/runner/blob/main/src/Runner.Worker/ActionCommandManager.cs
_COMMANDS = frozenset({
    "internal-set-repo-path", "set-env", "set-output", "save-state", "add-path", "add-mask", "add-matcher",
    "remove-matcher", "warning", "error", "notice", "debug", "group", "endgroup", "echo", "stop-commands",
})  # fmt: skip


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def migration(payload: str, number: int) -> str:
    """A migration that says it everywhere; where that ends a comment too early, the rest is no SQL."""
    name, text = quoted(payload), literal(payload)
    line = " ".join(payload.split("\n"))
    return f"""\
-- Migration: {line}
-- Version: 20250101_{number:06d}
-- Description: {line}
-- Author: {line}
-- Dependencies: ["{line}"]
-- {line}
{line if payload.startswith("ticks") else ""}
-- ============= UP MIGRATION =============
-- elf: allow {line} -- {line}
-- elf: allow missing-primary-key -- {line}
CREATE TABLE {name} ({name} money, {quoted("k" + payload)} serial, other uuid REFERENCES others, c char(3)); -- {line}
COMMENT ON TABLE {name} IS {text};
CREATE FUNCTION {name}() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
CREATE POLICY {name} ON {name} USING (true);
GRANT ALL ON {name} TO {name};
ALTER TABLE {name} DROP COLUMN {name}, ALTER COLUMN {quoted("k" + payload)} TYPE bigint;
CREATE INDEX {name} ON {name} ({quoted("k" + payload)});
INSERT INTO {name} VALUES ({text}, {literal(_SECRET)});
-- ============= DOWN MIGRATION ============
DROP TABLE {name} CASCADE;
"""


def file_name(payload: str, number: int) -> bytes:
    """The name of a file that holds it; a slash and a NUL are the only ones that none can hold."""
    return f"20250101_{number:06d}_{payload.replace('/', '')}.sql".encode()


def write(folder: Path) -> dict[bytes, str]:
    """Write all of them into `folder`; returns the payload of each file."""
    folder.mkdir()
    there = os.fsencode(folder)
    made: dict[bytes, str] = {}
    for number, payload in enumerate(PAYLOADS.values(), start=1):
        made[file_name(payload, number)] = payload
    for number, odd in enumerate(BYTES, start=len(made) + 1):
        made[b"20250101_%06d_%b.sql" % (number, odd)] = "plain"
    for number, (name, payload) in enumerate(made.items(), start=1):
        with open(os.path.join(there, name), "wb") as file:
            file.write(migration(payload, number).encode())
    with open(os.path.join(there, b"20250101_900000_bytes.sql"), "wb") as file:
        file.write(migration("latin", 900000).encode() + b"-- \x9b31m\xff\x00\n")
    return made


def files(folder: Path, up: dict[str, str], down: str = "SELECT 1;") -> Path:
    """Migrations of the layout of elf-migrate, by the ends of their names."""
    (folder / "migrations").mkdir()
    for number, (name, text) in enumerate(up.items(), start=1):
        path = folder / "migrations" / f"20250101_{number:06d}_{name.replace('/', '')}.sql"
        head = "-- ============= UP MIGRATION ============="
        path.write_text(f"{head}\n{text}\n-- ============= DOWN MIGRATION ============\n{down}\n", "utf-8", newline="")
    return folder


def command(
    program: str, *arguments: str | bytes, folder: Path, **variables: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the installed program; its output comes as the bytes that it is."""
    started = ("GIT", "FORCE", "NO_C", "CLICOLOR", "CI", "ELF_ENV", "PG", "DATABASE_URL", "SUPABASE")
    kept: Mapping[str, str] = {name: value for name, value in os.environ.items() if not name.startswith(started)}
    path = os.path.join(os.path.dirname(sys.executable), program)
    done = subprocess.run(
        [path, *arguments], cwd=folder, env={**kept, **variables}, capture_output=True, check=False, timeout=300
    )
    assert b"Traceback" not in done.stderr, done.stderr
    assert b"has a bug" not in done.stderr, done.stderr
    return done


def plain(data: bytes) -> str:
    """What somebody reads in a terminal or a log; fails where a character does something, or a line is a command."""
    text = seen(data.decode())
    assert runner(data) == []
    return text


def said_once(data: bytes) -> str:
    """What a command that ends with an error prints about it: one sentence, however many lines a name has."""
    text = plain(data)
    assert len([found for found in _OPENING.findall(text) if found.lower() == "error: "]) == 1, text
    return text


def seen(text: str) -> str:
    """The text; fails where it holds a character that nobody sees, and that may do something."""
    odd = {character for character in text if character not in "\n\t" and _is_unseen(character)}
    assert odd == set(), sorted(map(ascii, odd))
    return text


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in _UNSEEN or character in _FILLERS


class Command(NamedTuple):
    """A workflow command, decoded."""

    name: str
    properties: dict[str, str]
    data: str


def runner(data: bytes) -> list[Command]:
    """The commands that GitHub's runner, Azure Pipelines and TeamCity read in a log, as the runner's ActionCommand."""
    found = []
    # .NET ends a line at each of \r, \n and \r\n.
    for line in re.split(r"\r\n|\r|\n", data.decode("utf-8", "replace")):
        if command := _second_version(line.strip()):
            found.append(command)
        elif match := re.search(r"##(?:vso|teamcity|)\[([\w.-]*)", line):
            found.append(Command(match[1], {}, line))
    return found


def _second_version(line: str) -> Command | None:
    head, end, data = line.removeprefix("::").partition("::")
    if not line.startswith("::") or not end:
        return None
    name, _, properties = head.partition(" ")
    if name.lower() not in _COMMANDS:
        return None
    pairs = (pair.partition("=") for pair in properties.split(",") if pair)
    return Command(
        name, {key.strip(): _decoded(value, (":", ",")) for key, _, value in pairs}, _decoded(data, ())
    )  # fmt: skip


def _decoded(text: str, more: Iterable[str]) -> str:
    for character in ("\r", "\n", *more, "%"):
        text = text.replace(f"%{ord(character):02X}", character)
    return text


class Rendered(html.parser.HTMLParser):
    """A page as a browser builds it, in as far as it matters: its elements, and its text outside of code."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        #: Pieces of text between marks: GitHub looks for names and numbers in each.
        self.texts: list[str] = []
        self.everything = ""
        #: The text and the target of each link.
        self.links: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)
        if tag == "a":
            self.links.append(("", dict(attrs).get("href") or ""))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.everything += data
        if "a" in self._open:
            self.links[-1] = (self.links[-1][0] + data, self.links[-1][1])
        if not {"code", "pre"} & set(self._open):
            self.texts.append(data)


def markdown(text: str) -> Rendered:
    """Markdown as GitHub's own parser renders it, before anything is taken out of it for safety."""
    seen(text)
    extensions = ["table", "autolink", "strikethrough", "tasklist"]
    shown = cmarkgfm.markdown_to_html_with_extensions(text, Options.CMARK_OPT_UNSAFE, extensions)
    return Rendered(shown)
