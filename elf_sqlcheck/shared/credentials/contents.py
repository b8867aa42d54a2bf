"""What is in the vault: entries, each for an environment and a team, and which team may read which names."""

from __future__ import annotations

import datetime as dt
import json
import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from elf_sqlcheck.errors import AccessDenied, CredentialExpired, closest
from elf_sqlcheck.teams import team_slug

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The tool itself: it reads whatever belongs to no single team.
SYSTEM = "system"
#: From when on an end that is near is told, in days.
SOON = 14
_DAY = 86400.0


class Scope(NamedTuple):
    """What an entry is for; an empty environment means all of them, an empty team all that were granted the name."""

    name: str
    environment: str = ""
    team: str = ""

    def __str__(self) -> str:
        return self.name + (f" of {self.environment}" if self.environment else "") + (
            f" for team {self.team}" if self.team else ""
        )  # fmt: skip


@dataclass
class Entry:
    """One credential. Times are seconds since 1970 in UTC; `expires` None means never, `previous` "" none.

    `previous` is the value before the last rotation, kept so that a rotation which turns out to be wrong can be undone.
    """

    name: str
    environment: str = ""
    team: str = ""
    value: str = field(default="", repr=False)
    purpose: str = ""
    created: float = 0.0
    rotated: float | None = None
    expires: float | None = None
    previous: str = field(default="", repr=False)

    @property
    def scope(self) -> Scope:
        """What it is for."""
        return Scope(self.name, self.environment, self.team)

    def state(self, now: float) -> str:
        """How it stands: "valid", "expired", or "expires in 3 days"."""
        if self.expires is None or self.expires - now > SOON * _DAY:
            return "valid"
        left = int((self.expires - now) // _DAY)
        if self.expires <= now:
            return "expired"
        return f"expires in {left} day{'' if left == 1 else 's'}" if left else "expires today"


class Grant(NamedTuple):
    """Leave for a team to read a name, or all names that begin with what stands before a final `*`.

    An empty environment means all of them.
    """

    team: str
    name: str
    environment: str = ""

    def covers(self, name: str, environment: str) -> bool:
        """Whether it lets a credential of that name, in that environment, be read."""
        same = name.startswith(self.name[:-1]) if self.name.endswith("*") else name == self.name
        return same and self.environment in ("", environment)


@dataclass
class Contents:
    """All of it. `audit_key` authenticates the lines of the audit log, `audited` is how far that log had come.

    `audited` holds the number and the hash of the line before the last writing: a log that does not have them was cut.
    """

    entries: dict[Scope, Entry] = field(default_factory=dict)
    grants: set[Grant] = field(default_factory=set)
    audit_key: bytes = field(default_factory=lambda: os.urandom(32), repr=False)
    audited: tuple[int, str] = (0, "")

    def to_bytes(self) -> bytes:
        """As the text that is encrypted."""
        return json.dumps(
            {
                "entries": [asdict(entry) for _, entry in sorted(self.entries.items())],
                "grants": sorted(self.grants),
                "audit_key": self.audit_key.hex(),
                "audited": self.audited,
            }
        ).encode()

    @classmethod
    def from_bytes(cls, text: bytes) -> Contents:
        """Read what `to_bytes` wrote; raises ValueError, TypeError or KeyError for anything else."""
        read: dict[str, Any] = json.loads(text)
        entries = [Entry(**entry) for entry in read["entries"]]
        number, line = read["audited"]
        return cls(
            {entry.scope: entry for entry in entries},
            {Grant(*grant) for grant in read["grants"]},
            bytes.fromhex(read["audit_key"]),
            (int(number), str(line)),
        )

    def teams(self) -> set[str]:
        """The teams that somebody gave anything to."""
        return {grant.team for grant in self.grants} | {scope.team for scope in self.entries if scope.team}

    def find(self, names: Iterable[str], team: str, environment: str) -> Entry | None:
        """The entry that a team gets for the first of `names` that is there, None when there is none.

        What is set for the environment comes before what is set for all: the wrong database would be worse than the
        wrong account. Within that the team's own comes before the shared; what it was not granted is passed over.

        Raises:
            AccessDenied: The team is unknown, or the entry is there but was not granted to it.
        """
        asking = "" if team == SYSTEM else team_slug(team)
        if team != SYSTEM and asking not in self.teams():
            raise _unknown(team, self.teams())
        denied = None
        for name in names:
            for place in dict.fromkeys((environment, "")):
                for owner in dict.fromkeys((asking, "")):
                    found = self.entries.get(Scope(name, place, owner))
                    if found is not None and (owner == asking or self._granted(name, asking, environment)):
                        return found
                    denied = denied or found
        if denied is not None:
            raise _denied(denied, team, environment)
        return None

    def _granted(self, name: str, team: str, environment: str) -> bool:
        return any(grant.team == team and grant.covers(name, environment) for grant in self.grants)


def refuse_expired(entry: Entry, now: float) -> None:
    """Make sure that its time is not over; raises CredentialExpired."""
    if entry.expires is not None and entry.expires <= now:
        raise CredentialExpired(
            f"The credential {entry.scope} expired on {day(entry.expires)}.",
            "Get a new one where it comes from, then: "
            f"elf-migrate credentials rotate {entry.name}{options(entry.scope)}",
        )


def options(scope: Scope) -> str:
    """The options of a command that name a scope, with a blank before them."""
    environment = f" --env {scope.environment}" if scope.environment else ""
    return environment + (f" --team {scope.team}" if scope.team else "")


def day(moment: float) -> str:
    """The day of a moment in UTC, as 2025-01-31."""
    return dt.datetime.fromtimestamp(moment, dt.UTC).strftime("%Y-%m-%d")


def _unknown(team: str, known: set[str]) -> AccessDenied:
    near = closest(team_slug(team), known)
    return AccessDenied(
        f"The vault knows no team {team!r}, so nothing is given to it.",
        (f"Did you mean {near}? " if near else "")
        + f"To let it read a name: elf-migrate credentials grant {team_slug(team) or 'TEAM'} NAME",
    )


def _denied(entry: Entry, team: str, environment: str) -> AccessDenied:
    place, option = (f" of {environment}", f" --env {environment}") if environment else ("", "")
    return AccessDenied(
        f"Team {team} may not read the credential {entry.name}{place}.",
        "Whoever is responsible for it can allow that: "
        f"elf-migrate credentials grant {team_slug(team)} {entry.name}{option}",
    )
