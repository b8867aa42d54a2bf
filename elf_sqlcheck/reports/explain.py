"""What a rule says about itself, for `elf-sqlcheck explain` and for rules/README.md.

python -m elf_sqlcheck.reports.explain > rules/README.md
"""

from __future__ import annotations

import re

from elf_sqlcheck.record import Record
from elf_sqlcheck.squawk import ALIASES, SQUAWK, ours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from elf_sqlcheck.rule import Example, Rule

_TOKEN = re.compile(r"([A-Za-z0-9_]{4}[-_A-Za-z0-9]{0,6})[-A-Za-z0-9_+/=.]{12,}")
_INTRODUCTION = """\
Made from the rules themselves by `python -m elf_sqlcheck.reports.explain > rules/README.md`; do not edit it by hand.

A finding of severity *error* blocks the commit, a *warning* is shown and passes, *off* runs only when it is selected. \
`elf-sqlcheck explain NAME` shows all examples of a rule. Where a rule is wrong for once, say so with the reason, \
above the statement or at its end:"""

_SQUAWK = """\
`-- squawk-ignore NAME` above a statement is understood, and `elf-sqlcheck config import squawk` says a `.squawk.toml` \
in our words."""


class Block(Record):
    """A piece of a page: `kind` is "text", "sql" or "heading" (then `level` counts from 1)."""

    kind: str
    text: str
    level: int = 0


def explain(rule: Rule, *, markdown: bool = False) -> str:
    """All that there is to say about a rule, for a terminal or as Markdown."""
    blocks = [Block("heading", rule.name, 1), *_about(rule)]
    for heading, examples in (("Found", rule.bad), ("Passes", rule.good)):
        blocks.append(Block("heading", heading, 2))
        for example in examples:
            blocks += _example(rule, example)
    blocks += [Block("heading", "Allow it", 2), Block("sql", _suppression(rule))]
    return _markdown(blocks) if markdown else _plain(blocks)


def page(rules: Iterable[Rule]) -> str:
    """The page about all rules, in Markdown: a table of them, then each with its first examples."""
    rules = tuple(rules)
    families = list(dict.fromkeys(rule.family for rule in rules))
    blocks = [
        Block("heading", "Rules", 1),
        Block("text", _INTRODUCTION),
        Block("sql", "-- elf: allow RULE -- reason"),
        Block("text", "\n".join(_table(rules))),
    ]
    for family in families:
        blocks.append(Block("heading", family, 2))
        for rule in rules:
            if rule.family == family:
                blocks += [Block("heading", rule.name, 3), *_about(rule)]
                shown = next((example for example in rule.bad if example.fixed is not None), rule.bad[0])
                blocks += [Block("text", "Found:"), *_example(rule, shown)]
                blocks += [Block("text", "Passes:"), *_example(rule, rule.good[0])]
    blocks += [Block("heading", "Names of squawk's rules", 2), Block("text", _SQUAWK)]
    blocks.append(Block("text", "\n".join(_squawk(rules))))
    unlike = ", ".join(name for name in sorted(SQUAWK) if not SQUAWK[name])
    return _markdown([*blocks, Block("text", f"Nothing here is like these: {unlike}.")])


def _table(rules: Iterable[Rule]) -> Iterator[str]:
    yield "| family | rule | severity | finds | fix |"
    yield "|---|---|---|---|---|"
    for rule in rules:
        row = (rule.family, f"[{rule.name}](#{rule.name})", rule.severity.label, rule.summary, _fix_option(rule))
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _squawk(rules: Iterable[Rule]) -> Iterator[str]:
    known = {rule.name for rule in rules}
    yield "| squawk | here |"
    yield "|---|---|"
    for name in sorted(SQUAWK.keys() | ALIASES.keys()):
        same = ", ".join(f"[{rule}](#{rule})" if rule in known else rule for rule in ours(name))
        if same:
            yield f"| {name} | {same} |"


def _fix_option(rule: Rule) -> str:
    """The option that mends what the rule finds, as its examples show; "" for none."""
    fixed = [example for example in rule.bad if example.fixed is not None]
    if not fixed:
        return ""
    return "`--unsafe-fixes`" if all(example.unsafe for example in fixed) else "`--fix`"


def _about(rule: Rule) -> list[Block]:
    facts = [rule.severity.label, f"family {rule.family}"]
    if not rule.on:
        facts.append("found by `elf-sqlcheck verify`")
    if rule.profile:
        facts.append(f"only with the profile {rule.profile}")
    if rule.sections != ("up",) and rule.sections:
        facts.append(f"judges {' and '.join(section.upper() for section in rule.sections)}")
    if _fix_option(rule):
        facts.append(f"mended by {_fix_option(rule)}")
    return [
        Block("text", f"{rule.summary} ({', '.join(facts)})"),
        Block("text", rule.why),
        Block("text", f"Instead: {rule.instead}"),
    ]


def _example(rule: Rule, example: Example) -> list[Block]:
    blocks: list[Block] = []
    if example.settings:
        blocks.append(
            Block("text", "With " + ", ".join(f"{key} = {_written(value)}" for key, value in example.settings) + ":")
        )
    if example.before:
        blocks += [Block("text", "After an earlier migration with"), _sql(rule, example.before), Block("text", "this:")]
    if example.path:
        blocks.append(Block("text", f"In a file named {example.path}:"))
    blocks.append(_sql(rule, example.sql))
    if example.after:
        blocks += [Block("text", "With a later migration:"), _sql(rule, example.after)]
    if example.fixed is not None:
        option = "--unsafe-fixes" if example.unsafe else "--fix"
        blocks += [Block("text", f"`{option}` makes of it"), _sql(rule, example.fixed)]
    return blocks


def _sql(rule: Rule, text: str) -> Block:
    """Made-up secrets are cut short: those who scan repositories for secrets cannot know that they are made up."""
    return Block("sql", _TOKEN.sub(r"\1…", text) if rule.family == "secrets" else text)


def _suppression(rule: Rule) -> str:
    return f"-- elf: allow {rule.name} -- why it is right here"


def _markdown(blocks: Iterable[Block]) -> str:
    written: list[str] = []
    for block in blocks:
        if block.kind == "heading":
            written.append(f"{'#' * block.level} {block.text}")
        elif block.kind == "sql":
            written.append("```sql\n" + block.text.strip("\n") + "\n```")
        else:
            written.append(block.text)
    return "\n\n".join(written) + "\n"


def _plain(blocks: Iterable[Block]) -> str:
    from textwrap import fill, indent

    written: list[str] = []
    for block in blocks:
        if block.kind == "heading":
            written.append(block.text if block.level == 1 else f"{block.text}:")
        elif block.kind == "sql":
            written.append(indent(block.text.strip("\n"), "    "))
        else:
            text = block.text.replace("`", "")
            written.append(fill(text, 100, break_long_words=False, break_on_hyphens=False))
    return "\n\n".join(written) + "\n"


def _written(value: object) -> str:
    """A value of the configuration; what has no order is written in one."""
    return f"[{', '.join(map(repr, sorted(value)))}]" if isinstance(value, set | frozenset) else repr(value)


if __name__ == "__main__":
    import sys

    from elf_sqlcheck import registry

    sys.stdout.write(page(registry.builtin()))
