"""One file judged, in a process of its own where there are several: what sqlfluff found, at the bytes of the file."""

from __future__ import annotations

from elf_sqlcheck import text
from elf_sqlcheck.model import Span
from elf_sqlcheck.record import Record
from elf_sqlcheck.style import fluff

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from elf_sqlcheck.style.fluff import Problem, Settings
    from elf_sqlcheck.text import Text

#: The rules that are not sqlfluff's: what it did not judge, and comments for it that it does not understand.
UNJUDGED, NOQA = "style.unjudged", "style.noqa"


class Found(Record):
    """What is wrong where; `edits` put it right, () when that is not known. The rest is as in `fluff.Problem`."""

    rule: str
    message: str
    span: Span | None
    edits: tuple[tuple[Span, str], ...] = ()
    is_minor: bool = False
    instead: str = ""


class Judged(Record):
    """What was found in a file, and the names of the rules that were asked about all of it."""

    found: tuple[Found, ...]
    asked: frozenset[str] = frozenset()


def judge(path: str, data: bytes, settings: Settings, chosen: frozenset[str]) -> Judged:
    """Judge a file; what sqlfluff cannot read is found, too, and the rest is judged without it.

    Raises ConfigError when its configuration is no good.
    """
    plain, nothing, unread = text.pieces(path, data)
    shown = text.read(data, [*nothing, *unread])
    answer = fluff.judge(shown.text, path, settings, chosen)
    found = [_unjudged("this does not parse", span) for span in unread]
    stuck = [problem.start for problem in answer.problems if not problem.rule]
    if stuck:
        first = shown.span(min(stuck), min(stuck)).start
        spans = [s.span for s in plain.up.statements if s.span.end > first and not shown.is_hidden(s.span)]
        strange = [span for span in spans if not fluff.reads(plain.text(span), path, settings)]
        if strange:
            found += [_unjudged("sqlfluff cannot read this statement", span) for span in strange]
            shown = text.read(data, [*nothing, *unread, *strange])
            answer = fluff.judge(shown.text, path, settings, chosen)
    found += [one for problem in answer.problems for one in _told(problem, shown)]
    return Judged(tuple(found), answer.asked)


def _unjudged(reason: str, span: Span) -> Found:
    return Found(UNJUDGED, f"{reason}; its style was not judged", span)


def _told(problem: Problem, shown: Text) -> Iterator[Found]:
    span = shown.span(problem.start, problem.end)
    if not problem.rule:
        yield Found(UNJUDGED, f"sqlfluff cannot read on from here, so not all was judged ({problem.message})", span)
    elif problem.rule == "noqa":
        instead = "Write -- noqa: and the code of what is to be passed over, such as LT05."
        yield Found(NOQA, _sentence(problem), span, instead=instead)
    elif not shown.is_hidden(span):
        known = all(shown.is_true(start, end) for start, end, _ in problem.edits)
        edits = tuple((shown.span(start, end), new) for start, end, new in problem.edits) if known else ()
        yield Found(problem.rule, _sentence(problem), span, edits, problem.is_minor)


def _sentence(problem: Problem) -> str:
    return f"{problem.message[:1].lower()}{problem.message[1:].rstrip('.')} ({problem.code})"
