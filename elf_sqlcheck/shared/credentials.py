"""Where the passwords come from: asked for by name, team and purpose, so that each use can be told apart in the log."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = logging.getLogger(__name__)

#: Names under which the same secret is known; the first that is set wins.
_ALIASES = {
    "SUPABASE_PASSWORD": ("SUPABASE_PASSWORD", "SUPABASE_DB_PASSWORD"),
    "SUPABASE_DB_PASSWORD": ("SUPABASE_DB_PASSWORD", "SUPABASE_PASSWORD"),
    "SUPABASE_SERVICE_KEY": ("SUPABASE_SERVICE_KEY", "SUPABASE_SERVICE_ROLE_KEY"),
    "SUPABASE_PROJECT_ID": ("SUPABASE_PROJECT_ID", "SUPABASE_PROJECT_REF"),
}


class CredentialManager:
    """Answers with the value of a credential, read from the environment of the process.

    Args:
        environment: What to read instead of `os.environ`.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment: Mapping[str, str] = os.environ if environment is None else environment

    def get_credential(self, name: str, team: str = "system", purpose: str = "") -> str | None:
        """Return the credential, or None when nobody has set it; an empty value counts as not set.

        Args:
            name: What the credential is called, e.g. `SUPABASE_URL`; known second names are tried too.
            team: On whose behalf it is asked for.
            purpose: What it will be used for; goes to the log with the name, never with the value.
        """
        for known_as in _ALIASES.get(name, (name,)):
            value = self._environment.get(known_as, "").strip()
            if value:
                _log.debug("credential %s read for team %s: %s", known_as, team, purpose or "no purpose given")
                return value
        _log.debug("credential %s is not set; asked for by team %s: %s", name, team, purpose or "no purpose given")
        return None
