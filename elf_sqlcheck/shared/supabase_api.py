"""Asks Supabase's Management API about a project: what it is doing, where its pooler is, whom it has banned.

See https://supabase.com/docs/reference/api/introduction
"""

from __future__ import annotations

import json
import os
import re
import urllib.parse
from dataclasses import dataclass
from typing import Any

from elf_sqlcheck.errors import ApiFailed
from elf_sqlcheck.shared.https import Answer, Https, NoAnswer

DEFAULT_URL = "https://api.supabase.com"
#: Where the API's address is taken from, when it is another.
URL_VARIABLES = ("ELF_SUPABASE_API", "SUPABASE_API_URL")

_TOKENS = "https://supabase.com/dashboard/account/tokens"


@dataclass(frozen=True)
class PoolerAddress:
    """Where the pooler of a project's primary database is; `mode` is `transaction` or `session`."""

    host: str
    port: int
    user: str
    database: str
    mode: str


class SupabaseApi:
    """Questions to the Management API; each is answered, or raises ApiFailed, which never shows the token.

    Args:
        token: A personal access token (`sbp_…`).
        url: The API's address; that of ELF_SUPABASE_API or SUPABASE_API_URL comes before it.
    """

    def __init__(self, token: str, url: str = DEFAULT_URL) -> None:
        # Said here, because http.client would quote the value of a header that it refuses.
        if not re.fullmatch(r"[!-~]+", token):
            raise ApiFailed("SUPABASE_ACCESS_TOKEN is not an access token.", f"It begins with sbp_; see {_TOKENS}.")
        self._token = token
        url = next((value for name in URL_VARIABLES if (value := os.environ.get(name, "").strip())), url)
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "User-Agent": "elf-migrate"}
        try:
            self._https = Https(url, headers)
        except ValueError:
            raise ApiFailed(
                f"{' or '.join(URL_VARIABLES)} is no address to which an access token may be sent.",
                f"It must begin with https://, like {DEFAULT_URL}; http:// is for this machine only.",
            ) from None
        self._host = self._https.host

    def status(self, reference: str) -> str:
        """What the project is doing: ACTIVE_HEALTHY, INACTIVE (paused), COMING_UP, … Raises ApiFailed."""
        found = self._ask("GET", f"/v1/projects/{reference}", reference)
        return self._text(found, "status")

    def pooler(self, reference: str) -> PoolerAddress:
        """Where the pooler of the project's primary database is, not of a read replica. Raises ApiFailed."""
        found = self._ask("GET", f"/v1/projects/{reference}/config/database/pooler", reference)
        if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
            raise self._strange()
        primary = next((entry for entry in found if entry.get("database_type") == "PRIMARY"), None)
        if primary is None:
            raise ApiFailed(f"{self._host} names no pooler for the primary database of project {reference}.")
        port = primary.get("db_port")
        if type(port) is not int or not 0 < port < 65536:
            raise self._strange()
        host, user, database, mode = (self._text(primary, f) for f in ("db_host", "db_user", "db_name", "pool_mode"))
        return PoolerAddress(host, port, user, database, mode)

    def banned_addresses(self, reference: str) -> list[str]:
        """The IPv4 addresses from which the project lets nobody in, after wrong passwords. Raises ApiFailed."""
        found = self._ask("POST", f"/v1/projects/{reference}/network-bans/retrieve", reference)
        banned = found.get("banned_ipv4_addresses") if isinstance(found, dict) else None
        if not isinstance(banned, list) or not all(isinstance(address, str) for address in banned):
            raise self._strange()
        return banned

    def _ask(self, method: str, path: str, reference: str) -> Any:
        if not re.fullmatch(r"[a-z0-9]+", reference):
            raise ApiFailed(f"{reference!r} is not the reference of a Supabase project.", "It has 20 small letters.")
        try:
            answer = self._https.fetch(method, path)
        except NoAnswer as failure:
            remedy = failure.remedy or "Check the network (a proxy is taken from HTTPS_PROXY), and status.supabase.com."
            raise ApiFailed(f"{self._host} {failure}.", remedy) from None
        # Retrieving bans is a POST, which is answered by 201.
        if answer.status not in (200, 201):
            raise self._refused(answer, reference)
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            raise self._strange() from None

    def _text(self, record: object, key: str) -> str:
        value = record.get(key) if isinstance(record, dict) else None
        if not isinstance(value, str) or not value or not value.isprintable():
            raise self._strange()
        return value

    def _strange(self) -> ApiFailed:
        return ApiFailed(
            f"{self._host} did not answer as the reference of the Management API says.",
            "Perhaps a proxy answers in its place, or this version of elf-migrate is too old for it.",
        )

    def _refused(self, answer: Answer, reference: str) -> ApiFailed:
        status = answer.status
        if status == 401:
            return ApiFailed(
                f"{self._host} does not accept SUPABASE_ACCESS_TOKEN.", f"Make a new one: {_TOKENS} (sbp_…)."
            )
        if status == 403:
            return ApiFailed(
                f"{self._host} does not let the owner of SUPABASE_ACCESS_TOKEN read project {reference}.",
                "Take the token of a member of its organization, one that may read the database's configuration.",
            )
        if status == 404:
            return ApiFailed(
                f"{self._host} knows no project {reference}.",
                "Check SUPABASE_URL, and that the owner of SUPABASE_ACCESS_TOKEN is a member of its organization.",
            )
        if 300 <= status < 400:
            to = urllib.parse.urlsplit(answer.location).hostname or "another address"
            return ApiFailed(
                f"{self._host} redirects to {to}, and the access token is not carried there.",
                f"Check {URL_VARIABLES[0]}, and whether a proxy wants a login.",
            )
        if status == 429:
            wait = f", and asks to wait {answer.asked_wait:.0f} seconds" if answer.asked_wait else ""
            return ApiFailed(f"{self._host} has been asked too often{wait}.", "Try again in a minute.")
        return ApiFailed(f"{self._host} answered with status {status}{self._said(answer.body)}.",
                         "Try again in a minute; see status.supabase.com.")  # fmt: skip

    def _said(self, body: bytes) -> str:
        """The API's own words about a refusal, `message` of a JSON object; no other text is repeated."""
        try:
            message = str(json.loads(body)["message"])
        except (ValueError, RecursionError, LookupError, TypeError):
            return ""
        words = "".join(c for c in message.replace(self._token, "***")[:200] if c.isprintable())
        return f": {words.rstrip('.')}" if words else ""
