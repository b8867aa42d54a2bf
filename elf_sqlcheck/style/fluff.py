"""sqlfluff itself: its configuration, its rules, and what it finds in a text. The only module of ours that loads it."""

from __future__ import annotations

import logging
import os
from functools import cache

from elf_sqlcheck.errors import ConfigError, UsageError
from elf_sqlcheck.record import Record

try:
    from sqlfluff.core import FluffConfig, Linter
    from sqlfluff.core.config import load_config_resource
    from sqlfluff.core.config.loader import load_config_up_to_path
    from sqlfluff.core.errors import SQLFluffUserError, SQLLintError
    from sqlfluff.core.helpers.dict import nested_combine
    from sqlfluff.core.rules import RulePack, get_ruleset
except ImportError as error:
    if (error.name or "").partition(".")[0] not in {"sqlfluff", ""}:
        raise
    raise UsageError(
        "`elf-sqlcheck style` needs sqlfluff, which is not installed",
        "install it: pip install 'elf-sqlcheck[style]'",
    ) from error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Any

    from sqlfluff.core.errors import SQLBaseError
    from sqlfluff.core.linter.common import ParsedString

#: The group of the rules that our plug-in brings to sqlfluff: `elf-sqlcheck lint` runs them without a detour.
OURS = "elf"


class Known(Record):
    """A rule of sqlfluff: `name` such as "layout.indent", `code` such as "LT02", what it says of itself."""

    name: str
    code: str
    description: str


class Settings(Record):
    """Which rules of sqlfluff run: those of `select`, else those that its files name, and those of `extend`.

    `isolated` says that no file counts.
    """

    select: tuple[str, ...] = ()
    extend: tuple[str, ...] = ()
    isolated: bool = False


class Problem(Record):
    """What sqlfluff says. Places are characters of the text, (start, end); `edits` are (start, end, text).

    `rule` is "" where it could not read on, "noqa" for a comment to it that says nothing it understands. `is_minor`:
    the configuration calls it a warning.
    """

    rule: str
    code: str
    message: str
    start: int
    end: int
    edits: tuple[tuple[int, int, str], ...] = ()
    is_minor: bool = False


class Answer(Record):
    """What was found, and the names of the rules that were asked."""

    problems: tuple[Problem, ...]
    asked: frozenset[str]


def rules() -> tuple[Known, ...]:
    """All rules of sqlfluff and its plug-ins but ours."""
    _quiet()
    pack = get_ruleset().get_rulepack(FluffConfig(overrides={"dialect": "postgres", "rules": "all"}))
    return tuple(
        Known(rule.name or rule.code, rule.code, rule.description) for rule in pack.rules if OURS not in rule.groups
    )


def limit(path: str, settings: Settings) -> int:
    """How many bytes a file may have to be judged, 0 for any number; raises ConfigError."""
    value = _config(os.path.dirname(path) or ".", settings).get("large_file_skip_byte_limit")
    try:
        return int(value or 0)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"large_file_skip_byte_limit of sqlfluff is {value!r}, not a number of bytes", "write such as 200000"
        ) from error


def judge(text: str, path: str, settings: Settings, chosen: Collection[str]) -> Answer:
    """Ask sqlfluff about a text, which is the file `path`; of its rules only those `chosen`. Raises ConfigError."""
    linter, parsed = _parsed(text, path, settings)
    try:
        pack = linter.get_rulepack(config=parsed.config)
    except SQLFluffUserError as error:
        raise _refused(error) from error
    running = [rule for rule in pack.rules if (rule.name or rule.code) in chosen]
    linted = Linter.lint_parsed(parsed, RulePack(running, pack.reference_map))
    starts = _line_starts(text)
    problems = [_problem(found, starts, len(text)) for found in linted.get_violations(filter_warning=False)]
    return Answer(tuple(problems), frozenset(rule.name or rule.code for rule in running))


def _quiet() -> None:
    """Keep what sqlfluff logs off standard error: what matters of it comes as a problem, or as an error."""
    logger = logging.getLogger("sqlfluff")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False


def reads(text: str, path: str, settings: Settings) -> bool:
    """Whether sqlfluff can read a text."""
    return not _parsed(text, path, settings)[1].violations


def _parsed(text: str, path: str, settings: Settings) -> tuple[Linter, ParsedString]:
    config = _config(os.path.dirname(path) or ".", settings)
    try:
        linter = Linter(config=config.copy())
        return linter, linter.parse_string(text, fname=path, config=config.copy())
    except SQLFluffUserError as error:
        raise _refused(error) from error


@cache
def _config(folder: str, settings: Settings) -> FluffConfig:
    """Ours, and over it what the files between here and `folder` say, the nearest last; it is always Postgres."""
    try:
        ours = load_config_resource(package=__package__, file_name="sqlfluff.cfg")
        theirs = {} if settings.isolated else load_config_up_to_path(_existing(folder))
        whole: dict[str, Any] = nested_combine(ours, theirs)
        core = {**whole["core"], "dialect": "postgres"}
        if settings.select:
            core |= {"rules": ",".join(settings.select), "exclude_rules": ""}
        elif settings.extend:
            core["rules"] = ",".join([str(core.get("rules") or "all"), *settings.extend])
        return FluffConfig(configs={**whole, "core": core})
    except SQLFluffUserError as error:
        raise _refused(error) from error


def _existing(folder: str) -> str:
    """The folder, or the nearest above it that is there: what is staged need not be in the working tree."""
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder) or "."
    return folder


def _refused(error: SQLFluffUserError) -> ConfigError:
    return ConfigError(
        f"sqlfluff cannot work with its configuration: {' '.join(str(error).split())}",
        "correct the .sqlfluff, or [tool.sqlfluff] in pyproject.toml; --isolated leaves both out",
    )


def _line_starts(text: str) -> Sequence[int]:
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    return starts


def _problem(found: SQLBaseError, starts: Sequence[int], length: int) -> Problem:
    segment = getattr(found, "segment", None)
    if segment is not None and segment.pos_marker is not None:
        place = segment.pos_marker.source_slice
        start, end = place.start, place.stop
    else:
        start = end = min(starts[min(found.line_no or 1, len(starts)) - 1] + max(found.line_pos, 1) - 1, length)
    message = " ".join(found.desc().splitlines())
    if not isinstance(found, SQLLintError):
        is_comment = segment is not None and segment.is_type("comment")
        return Problem("noqa" if is_comment else "", found.rule_code(), message, start, end)
    edits = []
    for fix in found.fixes:
        edit = fix.to_dict()
        edits.append((edit["start_file_pos"], edit["end_file_pos"], edit["edit"]))
    name = found.rule_name() or found.rule_code()
    return Problem(name, found.rule_code(), message, start, end, tuple(edits), found.warning)
