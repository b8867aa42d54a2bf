"""A first version of a project's own rule, with its test: `elf-sqlcheck rules new NAME` writes them."""

from __future__ import annotations

import os
import re

from elf_sqlcheck.config import OWN_FILE
from elf_sqlcheck.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from elf_sqlcheck.config import Config
    from elf_sqlcheck.rule import Rule

_KEBAB = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+\Z")
_HEADER = re.compile(r"^[ \t]*\[[ \t]*tool[ \t]*\.[ \t]*[\"']?elf-sqlcheck[\"']?[ \t]*\][^\n]*(\n|\Z)", re.MULTILINE)
_RULE = '''\
"""What `{name}` finds. `elf-sqlcheck explain {name}` shows it as others read it."""

from __future__ import annotations

from collections.abc import Iterator

from elf_sqlcheck.rule import Context, CreateTable, Example, Finding, Rule, Severity


def check(context: Context[CreateTable]) -> Iterator[Finding]:
    """Called for each change of the kinds in `on`; `context` knows the schema before, now and after it."""
    table = context.change.name
    if table.name.startswith("tmp_"):
        yield context.finding(f"table {{table}} is called temporary and stays for ever")


RULES = (
    Rule(
        name="{name}",
        family="{family}",
        severity=Severity.WARNING,
        summary="A table whose name begins with tmp_",
        why="Nobody dares to drop it a year from now, because nobody knows who still reads it.",
        instead="CREATE TEMPORARY TABLE for the session's own rows, or a name that says what the table is for.",
        on=(CreateTable,),
        check=check,
        bad=(Example("CREATE TABLE tmp_orders (id UUID PRIMARY KEY); -- finding"),),
        good=(Example("CREATE TABLE orders (id UUID PRIMARY KEY);"),),
    ),
)
'''
_TEST = '''\
"""The examples of `{name}` hold: each marked line is found, and no other. Run with pytest."""

from __future__ import annotations

import os

from elf_sqlcheck import registry
from elf_sqlcheck.testing import assert_rule

FOLDER = os.path.join(os.path.dirname(__file__), {folder})


def test_{function}() -> None:
    [rule] = [rule for rule in registry.load(FOLDER) if rule.name == "{name}"]
    assert_rule(rule)
'''


def refuse(name: str, family: str, rules: Iterable[Rule]) -> None:
    """Make sure that a rule may be called so.

    Raises:
        UsageError: It is not kebab-case, or there is such a rule or family.
    """
    taken = {rule.name for rule in rules} | {rule.family for rule in rules}
    if not _KEBAB.match(name):
        words = "-".join(re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()))
        example = words if _KEBAB.match(words) else "temporary-table"
        raise UsageError(
            f"{name!r} is no name for a rule", f"two or more words in lower case with hyphens, such as {example}"
        )
    if name in taken:
        raise UsageError(f"there is a rule or family called {name} already", "name what yours finds")
    if not re.match(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z", family) or family in {rule.name for rule in rules}:
        raise UsageError(f"{family!r} is no name for a family", "a word in lower case, such as own")


def texts(name: str, family: str, rule_path: str, test_path: str) -> dict[str, str]:
    """The contents of the rule's file and of its test's, by path."""
    folder = os.path.relpath(os.path.dirname(rule_path) or ".", os.path.dirname(test_path) or ".")
    parts = ", ".join(f'"{part}"' for part in folder.split(os.sep))
    return {
        rule_path: _RULE.format(name=name, family=family),
        test_path: _TEST.format(name=name, function=name.replace("-", "_"), folder=parts),
    }


def configuration(config: Config, folder: str) -> tuple[str, str, str]:
    """How the configuration comes to name a folder of rules: (its file, the line to add, its text with that line).

    The text is "" where nothing has to be added. Raises UsageError when another folder is named there.
    """
    root = config.root or os.getcwd()
    relative = os.path.relpath(folder, root).replace(os.sep, "/")
    line = f'rules-dir = "{relative}"'
    path = config.path or os.path.join(root, OWN_FILE)
    if config.rules_dir:
        if os.path.realpath(config.absolute(config.rules_dir)) == os.path.realpath(folder):
            return path, line, ""
        raise UsageError(
            f"{os.path.relpath(path)} reads rules from {config.rules_dir}, and there is only one such folder",
            "leave --dir out, and the rule goes there",
        )
    if not config.path:
        return path, line, f"{line}\n"
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    return path, line, _with_line(path, text, line)


def _with_line(path: str, text: str, line: str) -> str:
    """The text of a configuration file with one more line in the table that is ours."""
    import tomllib

    ending = "\r\n" if "\r\n" in text else "\n"
    header = _HEADER.search(text)
    shared = os.path.basename(path) == "pyproject.toml"
    place = header.end() if header else len(text) if shared else 0
    above = text[:place] if not place or text[:place].endswith("\n") else f"{text[:place]}{ending}"
    table = f"{ending}[tool.elf-sqlcheck]{ending}" if shared and not header else ""
    changed = f"{above}{table}{line}{ending}{text[place:]}"
    try:
        tomllib.loads(changed)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is written in a way that a line cannot be added to", f"add {line} to it") from error
    return changed
