"""The stand-in for a Supabase project: its roles, schemas, tables and functions, and what its `postgres` may do.

The facts come from the migrations of github.com/supabase/postgres, auth, storage and realtime. Migrations run in it as
the role `postgres`, which is no superuser there. Whoever prepares the stand-in is one, and is called ADMINISTRATOR on
servers of ours.
"""

from __future__ import annotations

from importlib import resources

#: The superuser of a Supabase project.
ADMINISTRATOR = "supabase_admin"

#: In the order in which they build on each other.
_PARTS = ("schemas", "auth", "storage", "services", "preinstalled", "ownership", "privileged")


def roles() -> str:
    """Return the SQL that makes the roles of a project, once for each server; those that are there stay as they are."""
    return _part("roles")


def project(vault: bool) -> str:
    """Return the SQL that turns an empty database into that of a project, for a superuser to run in one go.

    With `vault` the schema of that name is filled by hand, for a server that cannot have the extension supabase_vault.
    """
    parts = [_part(part) for part in _PARTS]
    if vault:
        folder = resources.files("elf_sqlcheck.postgres.extensions")
        script = folder.joinpath("supabase_vault--0.3.1.sql").read_text(encoding="utf-8")
        parts.insert(_PARTS.index("ownership"), script.replace("@extschema@", "vault"))
    return "\n".join(parts)


def database(*, auto_expose: bool) -> str:
    """Return the SQL for each new database of a project.

    With `auto_expose` tables that migrations make in `public` are granted to anon, authenticated and service_role.
    """
    return _part("database") + ("" if auto_expose else _part("exposure"))


def _part(name: str) -> str:
    return resources.files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
