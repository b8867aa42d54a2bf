"""What can be done to the contents of a vault: each either does it whole, or raises and leaves them as they are."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import CredentialError, UsageError
from elf_sqlcheck.shared.credentials.contents import SYSTEM, Entry, Grant, Scope, day, options
from elf_sqlcheck.teams import team_slug

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elf_sqlcheck.shared.credentials.contents import Contents

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}\Z")
_PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}\*?\Z|\*\Z")
_ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\Z")
_DAYS = re.compile(r"(\d{1,5})d\Z")
#: What is shorter can be tried out by whoever gets hold of the file.
SHORTEST_PASSWORD = 8


def scope(name: str, environment: str = "", team: str = "") -> Scope:
    """A checked scope, with the team as its slug; raises UsageError, which never repeats what was given as the name."""
    if not _NAME.match(name):
        raise UsageError(
            "That is no name of a credential, and is not repeated here in case it is its value.",
            "A name has letters, digits and underscores, as SUPABASE_PASSWORD does; the value is asked for.",
        )
    if environment and not _ENVIRONMENT.match(environment):
        raise UsageError(f"{environment!r} is no name of an environment.", "Use letters, digits, and any of _ . -")
    slug = team_slug(team)
    if (team and not slug) or slug == SYSTEM:
        raise UsageError(
            f"{team!r} is no team that can own a credential.",
            "Leave --team out: what belongs to no team is what the tool itself reads.",
        )
    return Scope(name, environment, slug)


def put(
    contents: Contents, where: Scope, value: str, now: float, *, purpose: str = "", expires: float | None = None,
    replacing: bool = False,
) -> None:  # fmt: skip
    """Add an entry; with `replacing` one that is there is rotated instead. Raises CredentialError when it is there."""
    there = contents.entries.get(where)
    if there is None:
        contents.entries[where] = Entry(*where, value, purpose, created=now, expires=expires)
    elif replacing:
        contents.entries[where] = replace(
            there, value=value, previous=there.value, purpose=purpose or there.purpose, rotated=now, expires=expires
        )
    else:
        raise CredentialError(
            f"The credential {where} is there already; nothing was changed.",
            f"To give it a new value: elf-migrate credentials rotate {where.name}{options(where)}",
        )


def rotate(contents: Contents, where: Scope, value: str, now: float, expires: float | None, *, lasts: bool) -> Entry:
    """Give an entry a new value and keep the one before.

    Args:
        contents: Where it is.
        where: Which.
        value: The new one.
        now: Seconds since 1970.
        expires: When the new one does; None leaves that to `lasts`.
        lasts: Let it last as long as the one before was meant to; else it never ends.

    Raises CredentialError when it is not there, or when the value is the old one.
    """
    there = find(contents, where)
    if value == there.value:
        raise CredentialError(
            f"That is the value which {where} has already; nothing was changed.", "Get a new one where it comes from."
        )
    if expires is None and lasts and there.expires is not None:
        expires = now + there.expires - (there.rotated or there.created)
    made = replace(there, value=value, previous=there.value, rotated=now, expires=expires)
    contents.entries[where] = made
    return made


def undo(contents: Contents, where: Scope, now: float) -> None:
    """Take the value before the last rotation again, and keep the other; raises CredentialError."""
    there = find(contents, where)
    if not there.previous:
        raise CredentialError(f"{where} has no former value.", "It was never rotated, or the value was forgotten.")
    contents.entries[where] = replace(there, value=there.previous, previous=there.value, rotated=now)


def find(contents: Contents, where: Scope) -> Entry:
    """The entry of exactly that scope; raises CredentialError, which says where the name is instead."""
    there = contents.entries.get(where)
    if there is None:
        others = [options(scope).strip() or "neither --env nor --team" for scope in contents.entries
                  if scope.name == where.name]  # fmt: skip
        raise CredentialError(
            f"There is no credential {where} in the vault.",
            f"It is there with {', or '.join(others)}." if others else "`elf-migrate credentials list` shows them all.",
        )
    return there


def grants(team: str, names: Iterable[str], environment: str) -> list[Grant]:
    """Grants of names, or of beginnings of names with a final `*`; raises UsageError."""
    checked = scope("x", environment, team)
    if not checked.team:
        raise UsageError("That is no name of a team.", "Name it as the header `Team:` of its migrations does.")
    for name in names:
        if not _PATTERN.match(name):
            raise UsageError(
                "A name to be granted has letters, digits and underscores, and may end in *.", "MARKETING_* is one."
            )
    return [Grant(checked.team, name, environment) for name in names]


def revoke(contents: Contents, taken: Iterable[Grant]) -> None:
    """Take grants back; raises CredentialError when one of them was never given."""
    for grant in taken:
        if grant not in contents.grants:
            has = sorted(
                other.name + (f" (--env {other.environment})" if other.environment else "")
                for other in contents.grants
                if other.team == grant.team
            )
            raise CredentialError(
                f"Team {grant.team} was not granted {grant.name}"
                f"{f' in {grant.environment}' if grant.environment else ''}; nothing was changed.",
                f"It was granted {', '.join(has)}." if has else "Nothing was granted to it at all.",
            )
        contents.grants.discard(grant)


def end(text: str, now: float) -> float | None:
    """When a credential ends: "2026-01-31" (as that day begins, in UTC) or "90d"; None for "never".

    Raises UsageError when it is neither, or is over already.
    """
    if text == "never":
        return None
    days = _DAYS.match(text)
    try:
        moment = (
            now + int(days[1]) * 86400
            if days
            else dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp() if len(text) == 10 else 0.0
        )  # fmt: skip
    except ValueError:
        moment = 0.0
    if moment == 0.0:
        raise UsageError(f"--expires {text} is no day.", "Write 2026-01-31, or 90d for ninety days from now, or never.")
    if moment <= now:
        raise UsageError(f"--expires {day(moment)} is over already.", "Name a day to come.")
    return moment


def check_password(password: str) -> None:
    """Refuse a master password that could be found by trying; raises UsageError."""
    if len(password) < SHORTEST_PASSWORD:
        raise UsageError(
            f"The master password is too short: it must have at least {SHORTEST_PASSWORD} characters.",
            "Whoever gets the file can try passwords at leisure; four random words are hard to try and easy to keep.",
        )
