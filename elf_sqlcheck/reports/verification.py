"""What `verify` saw, in the words that all formats share: statements and their lines, locks, changes of the schema."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from elf_sqlcheck import secrecy
from elf_sqlcheck.model import Migration
from elf_sqlcheck.postgres.compare import compare
from elf_sqlcheck.postgres.snapshot import Snapshot
from elf_sqlcheck.record import Record
from elf_sqlcheck.reports import Place, counted
from elf_sqlcheck.verify.result import Step

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from elf_sqlcheck.model import Span
    from elf_sqlcheck.postgres.compare import Difference
    from elf_sqlcheck.reports import Places, Report
    from elf_sqlcheck.verify.result import Blocked, Held, Observed, Verification


class Located(Record):
    """A stretch of a migration in the file that it stands in; `text` is the SQL, credentials starred."""

    path: str
    place: Place
    text: str

    @property
    def headline(self) -> str:
        """The SQL in one line, cut where a reader knows what it is."""
        text = " ".join(self.text.split())
        return text if len(text) <= _HEADLINE else text[: _HEADLINE - 1].rstrip() + "…"


class Ran(Record):
    """A statement of UP as it ran: where it stands, what was observed, and for how many ms its own locks were held."""

    located: Located
    observed: Observed
    held_ms: float

    @property
    def blocking(self) -> tuple[Held, ...]:
        """The locks that this statement took and that keep somebody waiting."""
        return tuple(held for held in self.observed.locks if held.blocks and not held.inherited)


_HEADLINE = 60


def locate(migration: Migration, span: Span, places: Places) -> Located:
    """Where a span of `Migration.data` is, in the file that holds it."""
    part = migration.part_at(span.start)
    start = span.start - part.start
    end = max(start, min(span.end - part.start, len(part.data)))
    data = places.sources.get(part.path, b"")
    place = Place(*places.position(part.path, start), *places.position(part.path, end)) if data else Place(1, 1, 1, 1)
    return Located(part.path, place, data[start:end].decode("utf-8", "replace"))


def ran(step: Step, places: Places) -> list[Ran]:
    """The statements of UP in their order; what one locks in a transaction stays locked until the last has ended."""
    made: list[Ran] = []
    rest = 0.0
    for observed in reversed(step.observed):
        rest = rest + observed.ms if observed.in_transaction else 0.0
        held = rest if observed.in_transaction else observed.ms
        made.append(Ran(locate(step.migration, observed.span, places), observed, held))
    return made[::-1]


def unobserved(step: Step) -> str:
    """Which part of UP nobody watched, in a sentence; "" when that is none of it, or all."""
    seen, there = len(step.observed), len(step.migration.up.statements)
    return f"only {seen} of its {there} statements could be observed" if 0 < seen < there else ""


def judged(report: Report) -> list[Step]:
    """The steps that were judged, in the order in which they were taken; none for lint."""
    return [step for step in report.verification.steps if step.judged] if report.verification else []


def outcome(step: Step) -> str:
    """What became of a migration, in a few words."""
    if step.applied is None:
        return "not reached"
    if not step.applied:
        return "does not apply"
    if step.rolled_back is None:
        return "applied"
    if not step.rolled_back:
        return "applied, does not roll back"
    inexact = any(difference.matters for difference in step.differences)
    back = "rolled back inexactly" if inexact else "rolled back"
    if step.reapplied is None:
        return f"applied, {back}"
    return f"applied, {back}, " + ("applied again" if step.reapplied else "does not apply again")


def lock(held: Held) -> str:
    """A lock as the manual writes it, and whom it keeps waiting."""
    said = f"{held.mode.upper()} on {held.relation}"
    return f"{said}, blocks {held.blocks}" if held.blocks else said


def work(observed: Observed) -> list[str]:
    """What a statement did to older tables besides locking them."""
    said = [f"rewrites {', '.join(observed.rewritten)}"] if observed.rewritten else []
    read = [relation for relation in observed.scanned if relation not in observed.rewritten]
    if read:
        said.append(f"reads all of {', '.join(read)}")
    if observed.grows:
        said.append("takes longer the more rows there are")
    return said


def time(ms: float) -> str:
    """A duration as somebody says it: `0.4 ms`, `12 ms`, `3.4 s`."""
    if ms >= 1000:
        return f"{ms / 1000:.1f} s"
    return f"{ms:.0f} ms" if ms >= 10 else f"{ms:.1f} ms"


def size(number: int) -> str:
    """A number of bytes as somebody says it: `120 B`, `8.0 kB`, `1.2 MB`."""
    if number < 1024:
        return f"{number} B"
    return f"{number / 1024:.1f} kB" if number < 1024 * 1024 else f"{number / 1024 / 1024:.1f} MB"


def ending(blocked: Blocked) -> str:
    """What became of a query that met a lock."""
    if blocked.gave_up:
        return f"gave up; the lock was held for {time(blocked.ms)}"
    return f"waited {time(blocked.ms)}"


def changes(step: Step) -> list[Difference]:
    """What UP did to the schema; nothing when that is not known."""
    return compare(step.before, step.after) if step.before is not None and step.after is not None else []


def sentence(verification: Verification, seconds: float) -> str:
    """What was proven, in one sentence."""
    applied = sum(step.applied is True for step in verification.steps)
    proven = sum(step.reapplied is True for step in verification.steps)
    return f"{counted(applied, 'migration')} applied, {proven} rolled back and applied again, in {seconds:.1f} s"


def words(value: Any) -> str:
    """A value that a check left for reports (`Step.more`), in one line; "" for none."""
    if isinstance(value, dict):
        return "; ".join(f"{key}: {text}" for key, item in value.items() if (text := words(item)))
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, map(words, value)))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    return "" if value is None else str(value)


def without_secrets(verification: Verification, secrets: Collection[str]) -> Verification:
    """The verification with stars over `secrets` in every text; SQL is shown from the sources, which have them too."""
    seen: dict[int, Any] = {}
    hidden: Verification = _hidden(verification, secrecy.Hider(secrets), seen)
    return hidden


def _hidden(value: Any, hide: secrecy.Hider, seen: dict[int, Any]) -> Any:
    if isinstance(value, str):
        return _starred(hide(value))
    if isinstance(value, list | tuple):
        return type(value)(_hidden(item, hide, seen) for item in value)
    if isinstance(value, dict):
        return {_hidden(key, hide, seen): _hidden(item, hide, seen) for key, item in value.items()}
    if isinstance(value, Snapshot):
        # The state after one migration is that before the next.
        return seen[id(value)] if id(value) in seen else _without(value, hide, seen)
    if isinstance(value, Migration) or not is_dataclass(value) or isinstance(value, type):
        return value
    if isinstance(value, Step) and not value.judged:
        return value  # of which nothing but its migration is known
    return replace(value, **dict(_members(value, hide, seen)))


def _without(snapshot: Snapshot, hide: secrecy.Hider, seen: dict[int, Any]) -> Snapshot:
    """The snapshot without the secrets, its few objects that have some made anew: there are thousands of objects."""
    if not hide.secrets:
        return snapshot
    # Each holds what is not as in the one before, from the last to the first.
    chain = [snapshot]
    while chain[-1].layer.base is not None and id(chain[-1].layer.base) not in seen:
        chain.append(chain[-1].layer.base)
    for one in reversed(chain):
        layer = one.layer
        objects = dict(layer.objects)
        for key, attributes in layer.objects.items():
            said = repr(attributes)
            if any(secret in said for secret in hide.secrets):
                objects[key] = _hidden(attributes, hide, {})
        base = seen[id(layer.base)] if layer.base is not None else None
        seen[id(one)] = Snapshot(objects, layer.parents, layer.orders, base=base, gone=layer.gone)
    hidden: Snapshot = seen[id(snapshot)]
    return hidden


def _starred(text: str) -> str:
    """The text with stars over what looks like a credential: rows of the user's own may hold what no file does."""
    data = bytearray(text.encode("utf-8", "surrogateescape"))
    for _, start, end in list(secrecy.secrets_in(bytes(data))):
        data[start:end] = secrecy.starred(bytes(data[start:end]))
    return data.decode("utf-8", "surrogateescape")


def _members(value: Any, hide: secrecy.Hider, seen: dict[int, Any]) -> Iterator[tuple[str, Any]]:
    for field in fields(value):
        if field.init:
            yield field.name, _hidden(getattr(value, field.name), hide, seen)
