"""Which rules of sqlfluff run, and what they count as: chosen, graded and switched off by name as all rules are."""

from __future__ import annotations

from elf_sqlcheck import registry, run
from elf_sqlcheck.finding import STYLE, Severity, is_style
from elf_sqlcheck.model import Migration
from elf_sqlcheck.record import Record
from elf_sqlcheck.rule import Rule, found_elsewhere
from elf_sqlcheck.style import fluff
from elf_sqlcheck.style.judging import NOQA, UNJUDGED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from elf_sqlcheck.config import Config
    from elf_sqlcheck.style.fluff import Settings


class Chosen(Record):
    """`running` are the rules that run, by name, `known` the names of all; `suppressions` are those about suppressions.

    `settings` say what sqlfluff is to run.
    """

    running: Mapping[str, Rule]
    known: frozenset[str]
    suppressions: Mapping[str, Rule]
    settings: Settings


def choose(
    config: Config, select: Sequence[str] = (), extend: Sequence[str] = (), ignore: Sequence[str] = ()
) -> Chosen:
    """The rules to run: those of sqlfluff's configuration, as far as ours and these names leave them.

    Raises ConfigError for a name that sqlfluff does not have.
    """
    rules = _all()
    known = frozenset(rule.name for rule in rules)
    for ignored in config.per_file_ignores.values():
        for name in _of_style(ignored):
            if name not in {*known, STYLE}:
                raise registry.unknown_rule(name, known)
    selected = tuple(select) or _of_style(config.select)
    extended = (*_of_style(config.extend_select), *extend)
    running = registry.select(
        rules,
        selected,
        extended,
        (*_of_style(config.ignore), *ignore),
        severity={name: level.label for name, level in config.severity.items() if is_style(name)},
    )
    lint = run.ruleset(config)
    return Chosen(
        {rule.name: rule for rule in running},
        known,
        {rule.name: rule for rule in lint.rules if rule.family == "suppressions"},
        fluff.Settings(
            () if STYLE in selected else selected,
            tuple(name for name in extended if name != STYLE),
            # What configures sqlfluff may have it load a folder of Python:
            # https://docs.sqlfluff.com/en/stable/configuration/templating/jinja.html#library-templating
            config.isolated or config.untrusted,
        ),
    )


def _of_style(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in names if is_style(name))


def _all() -> tuple[Rule, ...]:
    return (
        *(_rule(known.name, Severity.WARNING, f"{known.description} ({known.code})") for known in fluff.rules()),
        _rule(UNJUDGED, Severity.NOTE, "what sqlfluff could not judge"),
        _rule(NOQA, Severity.WARNING, "a comment for sqlfluff that says nothing it understands"),
    )


def _rule(name: str, severity: Severity, summary: str) -> Rule:
    return Rule(name, STYLE, severity, summary, "", "", (Migration,), found_elsewhere)
