"""Whom a run of a section calls: for the history, and for those who look on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg import Connection

    Record = Callable[[Connection[dict[str, Any]]], object]
    Progress = Callable[[int, str], object]
    Closing = Callable[[Connection[dict[str, Any]]], "Prepared"]
    Meanwhile = Callable[[Connection[dict[str, Any]]], object]


@dataclass(frozen=True)
class Prepared:
    """A command that is the same for every migration but for its values, so that the server plans it once a session.

    `name` is what `definition` (PREPARE …) prepares, `command` (EXECUTE …) carries it out.
    """

    name: str
    definition: bytes
    command: bytes


@dataclass(frozen=True)
class Calls:
    """Whom a run tells what, and asks for the history; see `SupabaseExecutor.run`."""

    record: Record | None = None
    closing: Closing | None = None
    meanwhile: Meanwhile | None = None
    progress: Progress | None = None
    beginning: Progress | None = None
    leaving: Record | None = None


class CutShortError(Exception):
    """Raised by us inside of the executor, where the history would be written, so that nothing of the section stays."""


def cut_short(_: Connection[dict[str, Any]]) -> None:
    """A `record` that never writes any."""
    raise CutShortError


def told(hooks: Sequence[Callable[[], object]]) -> list[bytes]:
    """Call them, and return the commands that they want to be sent with the COMMIT."""
    return [said for hook in hooks if isinstance(said := hook(), bytes)]
