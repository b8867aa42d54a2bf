"""What hosts and users say about a Supabase project, and the way to its database when the direct one leads nowhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from elf_sqlcheck.errors import ApiFailed, ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from elf_sqlcheck.shared.connection import Parameters
    from elf_sqlcheck.shared.supabase_api import SupabaseApi

_NO_WAY = {
    "unresolved": "its name has no address",
    "unreachable": "no route leads to its address",
    "timeout": "it does not answer",
}
SESSION_PORT = "5432"
TRANSACTION_PORT = "6543"


@dataclass(frozen=True)
class Cloud:
    """Where one of Supabase's clouds keeps its poolers, its API and its dashboard."""

    pooler_domain: str
    api: str
    dashboard: str


_SUPABASE = Cloud("supabase.com", "https://api.supabase.com", "https://supabase.com/dashboard")
#: By the domain of the projects, as Supabase's own command line has them.
CLOUDS = {
    "supabase.co": _SUPABASE,
    "supabase.in": _SUPABASE,
    "supabase.net": _SUPABASE,
    "supabase.red": Cloud("supabase.green", "https://api.supabase.green", "https://supabase.green/dashboard"),
    "snapcloud.dev": Cloud("snapcloud.co", "https://cloudapi.snap.com", "https://cloud.snap.com/dashboard"),
}


@dataclass(frozen=True)
class Project:
    """A project, known by its reference; `is_direct` says that the address is the database's own, not a pooler's."""

    reference: str
    cloud: Cloud
    is_direct: bool

    @property
    def page(self) -> str:
        """Its page in the dashboard."""
        return f"{self.cloud.dashboard}/project/{self.reference}"


def of_address(address: str) -> tuple[str, str] | None:
    """The reference and the domain in the address of a project, `https://<ref>.supabase.co`; None for another one."""
    match = re.fullmatch(r"(?:https?://)?([a-z0-9]+)\.([a-z0-9.]+?)/?", address.strip())
    return (match[1], match[2]) if match and match[2] in CLOUDS else None


def project(values: dict[str, Any]) -> Project | None:
    """The project that the parameters of a connection lead to, None when they lead elsewhere."""
    host = str(values.get("host") or "").lower()
    parts = host.split(".", 2)
    if len(parts) == 3 and parts[0] == "db" and parts[2] in CLOUDS:
        return Project(parts[1], CLOUDS[parts[2]], is_direct=True)
    reference = str(values.get("user") or "").rpartition(".")[2]
    for cloud in CLOUDS.values():
        if host.endswith(f".{cloud.pooler_domain}") and re.fullmatch("[a-z0-9]+", reference):
            return Project(reference, cloud, is_direct=False)
    return None


def is_supabase(host: str) -> bool:
    """Whether a host belongs to one of Supabase's clouds."""
    domains = {*CLOUDS, *(cloud.pooler_domain for cloud in CLOUDS.values())}
    return any(host.lower().endswith(f".{domain}") for domain in domains)


def way_around(target: Parameters, failure: ConnectionFailed, note: Callable[[str], object]) -> Parameters:
    """Return the session pooler's parameters when the direct host cannot be reached, else raise `failure`, explained.

    Args:
        target: Where no connection came about.
        failure: Why.
        note: Told what is done instead.

    Raises:
        ConnectionFailed: There is no other way; says what Supabase knows about it: paused, restarting, banned.
    """
    there = project(target.values)
    if there is None or failure.kind not in {*_NO_WAY, "tenant", "refused", "closed", "broken", "starting"}:
        raise failure
    cut_off = there.is_direct and failure.kind in _NO_WAY
    token = target.access_token()
    if token is None:
        raise _without_token(failure) if cut_off else failure
    from elf_sqlcheck.shared.supabase_api import SupabaseApi

    try:
        api = SupabaseApi(token, there.cloud.api)
        _refuse_if_down(api.status(there.reference), there, failure)
        if cut_off:
            found = _pooler(target, there, api)
            why = f"{target.where} cannot be reached from here ({_NO_WAY[failure.kind]})"
            note(f"{why}, so the project's session pooler is used: {found.where}")
            return found
        banned = api.banned_addresses(there.reference) if failure.kind in ("refused", "closed") else []
    except ApiFailed as unknown:
        raise ConnectionFailed(
            f"{failure.message}\n  The Management API was asked about it. {unknown.message}",
            _session_pooler(unknown.remedy) if cut_off else f"{failure.remedy} {unknown.remedy}".strip(),
            kind=failure.kind,
        ) from None
    if banned:
        raise ConnectionFailed(
            f"{failure.message} The project has banned {', '.join(banned[:5])} for wrong passwords.",
            f"If one of them is yours, unban it: {there.page}/database/settings#banned-ips.",
            kind="banned",
        )
    raise failure


def _without_token(failure: ConnectionFailed) -> ConnectionFailed:
    return ConnectionFailed(
        f"{failure.message} Supabase's direct host has IPv6 addresses only, which many networks, and GitHub's runners, "
        "cannot reach.",
        _session_pooler("Or set SUPABASE_ACCESS_TOKEN, and elf-migrate asks Supabase for that URL itself.")
        + " A project that is paused has no address at all.",
        kind=failure.kind,
    )


def _session_pooler(otherwise: str) -> str:
    known = "Set SUPABASE_DB_URL to the session pooler's URL (Supabase: Connect > Session pooler, port 5432)."
    return f"{known} {otherwise}".rstrip()


def _refuse_if_down(status: str, there: Project, failure: ConnectionFailed) -> None:
    """Raise ConnectionFailed for a project whose database is not meant to be reachable now."""
    if status in ("INACTIVE", "PAUSING"):
        raise ConnectionFailed(
            f"The Supabase project {there.reference} is paused ({status}), so its database cannot be reached.",
            f"Restore it at {there.page}, and try again when it is up.",
            kind="paused",
        )
    if status in ("COMING_UP", "RESTORING", "RESTARTING", "UPGRADING", "RESIZING"):
        raise ConnectionFailed(
            f"The Supabase project {there.reference} is not up yet ({status}), so its database cannot be reached.",
            f"Try again when {there.page} shows it as healthy.",
            kind="starting",
        )
    if status not in ("ACTIVE_HEALTHY", "ACTIVE_UNHEALTHY", "UNKNOWN"):
        raise ConnectionFailed(f"{failure.message} Supabase says that the project is {status}.",
                               f"See {there.page}.", kind=failure.kind)  # fmt: skip


def _pooler(target: Parameters, there: Project, api: SupabaseApi) -> Parameters:
    """Where the project's session pooler is, as the API says. Raises ApiFailed for an address not to be trusted."""
    found = api.pooler(there.reference)
    role, dot, reference = found.user.rpartition(".")
    # Whoever can change the answer could have the password sent to a host of their own.
    if not found.host.lower().endswith(f".{there.cloud.pooler_domain}"):
        raise ApiFailed(f"It named a pooler, {found.host}, that is outside {there.cloud.pooler_domain}.")
    if not dot or reference != there.reference:
        raise ApiFailed(f"It named a pooler whose user, {found.user}, does not belong to project {there.reference}.")
    role = str(target.values.get("user") or role)
    values = {
        **{key: value for key, value in target.values.items() if key not in ("hostaddr", "connect_timeout")},
        "host": found.host,
        # The same host serves whole sessions on 5432 and single transactions on 6543.
        "port": SESSION_PORT,
        "user": f"{role}.{reference}",
        "dbname": target.values.get("dbname") or found.database,
    }
    return replace(target, origin="the Management API", values=values, raw="")
