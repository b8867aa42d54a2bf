"""Credentials in a migration: they stay in Git's history, in the deploy logs and in every clone."""

from __future__ import annotations

import re

from elf_sqlcheck.later import later
from elf_sqlcheck.rule import (
    AlterSystem,
    Context,
    Example,
    Finding,
    Migration,
    Opaque,
    Role,
    Rule,
    Secretive,
    SetSetting,
    Severity,
    Span,
    secrets_in,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


def _ending(secret: bytes) -> str:
    """The last four characters, by which its owner knows it again; nothing of what is short."""
    return f" ending in …{secret[-4:].decode('ascii', 'replace')}" if len(secret) >= 20 else ""


def _hardcoded(context: Context[Migration]) -> Iterator[Finding]:
    data = context.migration.data
    covered = 0
    for kind, start, end in sorted(secrets_in(data), key=lambda found: (found[1], -found[2])):
        if start < covered:
            continue
        covered = end
        ending = "" if kind == "private key" else _ending(data[start:end])
        article = "an" if kind[0] in "AO" else "a"
        message = f"{article} {kind}{ending} is written in this migration: it counts as leaked, so rotate it"
        yield context.finding(message, Span(start, end))


_TELLING = later(
    r"(?i)(?:^|[._-])(?:\w*_)?(?:jwt_secret|password|passwd|secret|secret_key|api_?key|token|service_role_key|private_key)\Z"
)
_QUOTES = ("'", "E'", "e'", "$")
_VARIABLE = later(
    r"\A(?:\$\{.*\}|\$[A-Z_]+|\{\{.*\}\}|<.*>|%\(.*\)s|:'?\w+'?|x+|\*+|your[-_ ].*|\[.*\])\Z", re.IGNORECASE
)


def _password(context: Context[Any]) -> Iterator[Finding]:
    change = context.change
    if isinstance(change, Role):
        found = (f"the password of role {change.name}", change.password) if change.password else None
    elif isinstance(change, Secretive):
        found = (change.what, change.value)
    elif isinstance(change, SetSetting) and not (change.value and _TELLING.search(change.name)):
        found = None
    elif isinstance(change, SetSetting) or change.what in {"ALTER DATABASE", "ALTER ROLE SET", "ALTER SYSTEM"}:
        found = _assigned(context)
    else:
        found = None
    if found is None or found[1] is None:
        return
    what, span = found
    first = next(iter(context.tokens(span)), None)
    if first is None or not first[0].startswith(_QUOTES):
        return
    value = first[0].lstrip("eE").strip("'")
    if not value or _VARIABLE.match(value) or any(secrets_in(value.encode())):
        return  # empty, filled in by a template, or of a shape that hardcoded-secret reports
    yield context.finding(f"{what} is written as a literal", first[1])


def _assigned(context: Context[Any]) -> tuple[str, Span] | None:
    """The literal that `SET name = '…'` gives to a setting whose name says that it is secret."""
    words = context.tokens(context.change.statement.span)
    if context.change.statement.kind == "SelectStmt":  # set_config('name', 'value', …)
        literals = [word for word in words if word[0].startswith(_QUOTES)]
        names = [number for number, word in enumerate(literals) if word[0].strip("'") == context.change.name]
        return next(
            ((f"the setting {context.change.name}", literals[n + 1][1]) for n in names if n + 1 < len(literals)), None
        )
    position = next((number for number, word in enumerate(words) if word[0].upper() == "SET"), len(words))
    name = ""
    for text, span in words[position + 1 :]:
        if text.startswith(_QUOTES):
            return (f"the setting {name}", span) if _TELLING.search(name) else None
        if text.upper() not in {"LOCAL", "SESSION", "=", "TO"}:
            name += text.strip('"')
    return None


# Joined from halves, so that no scanner takes this file for a leak.
_SUPABASE_KEY = "sb_secret" + "_Zk3vT8qLw2NfYc7RbXh5Jd_9aPmQeUs"
_SERVICE_JWT = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
    ".eyJpc3MiOiJzdXBhYmFzZSIsInJlZiI6ImFiY2QiLCJyb2xlIjoic2VydmljZV9yb2xlIn0"
    ".Qm9vR3V0ZW5UYWdXaWVHZWh0RXNEaXI"
)
_ANON_JWT = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
    ".eyJpc3MiOiJzdXBhYmFzZSIsInJlZiI6ImFiY2QiLCJyb2xlIjoiYW5vbiJ9"
    ".Qm9vR3V0ZW5UYWdXaWVHZWh0RXNEaXI"
)
_AWS_KEY = "AKIA" + "Q3EGRXT7WLPK5ZVD"
_STRIPE_KEY = "sk_live" + "_51Hq8ZtKvYw2xNc4RbTpLm7u"

HARDCODED_SECRET = Rule(
    name="hardcoded-secret",
    family="secrets",
    severity=Severity.ERROR,
    summary="a known kind of credential in a literal, a function body, a default, a comment or a header",
    why="Git keeps it for everyone who can clone the repository, now and later; deploy logs and migration_history repeat it. Deleting the line does not take it back.",
    instead="Revoke it first, since it counts as leaked. Keep the new one in Supabase Vault (vault.decrypted_secrets) or in the environment, and read it at run time.",
    on=(Migration,),
    check=_hardcoded,
    bad=(
        Example(f"CREATE TABLE IF NOT EXISTS clients (\n    api_key TEXT DEFAULT '{_SUPABASE_KEY}' -- finding\n);"),
        Example(f"-- the key is {_SERVICE_JWT} -- finding\nCREATE SCHEMA IF NOT EXISTS jobs;"),
        Example(
            "CREATE OR REPLACE FUNCTION upload() RETURNS text LANGUAGE plpgsql AS $$\nBEGIN\n"
            f"    RETURN '{_AWS_KEY}'; -- finding\nEND\n$$;"
        ),
        Example(
            f"CREATE TABLE IF NOT EXISTS keys (k TEXT);\nINSERT INTO keys VALUES\n    ('{_STRIPE_KEY}'), -- finding\n    ('none');"
        ),
        Example("COMMENT ON SCHEMA public IS 'postgresql://app:Tr0ub4dor@db.internal:5432/app'; -- finding"),
    ),
    good=(
        Example(f"COMMENT ON SCHEMA public IS 'anon key: {_ANON_JWT}';"),
        Example("COMMENT ON SCHEMA public IS 'publishable: sb_publishable_Zk3vT8qLw2NfYc7RbXh5Jd_9aPmQeUs';"),
        Example("-- AWS documents AKIAIOSFODNN7EXAMPLE; connect with postgresql://user:${PASSWORD}@host/db\nSELECT 1;"),
        Example(
            "-- postgresql://postgres:your-password@db.example.com/app, or sk_live_xxxxxxxxxxxxxxxxxxxxxxxx\nSELECT 1;"
        ),
        Example("SELECT 'task-1', 'https://example.com:8080/a@b', 'sbp_', 'a risk-free sk-etch';"),
        Example("SELECT 1 AS ok WHERE 'x' LIKE '-----BEGIN PRIVATE KEY-----%';"),
    ),
    sections=("up", "down"),
)

PASSWORD_LITERAL = Rule(
    name="password-literal",
    family="secrets",
    severity=Severity.ERROR,
    summary="a password or key written where SQL takes one",
    why="Whoever can read the repository, the server's log or pg_stat_activity can log in with it or decrypt with it, and it is the same in every environment.",
    instead="Set it outside migrations (\\password of psql, the dashboard, Vault) and read keys from vault.decrypted_secrets; a role can be made here without a password.",
    on=(Role, Secretive, SetSetting, Opaque, AlterSystem),
    check=_password,
    bad=(
        Example("CREATE ROLE reporting LOGIN PASSWORD 'hunter2'; -- finding"),
        Example("CREATE USER app\n    WITH ENCRYPTED PASSWORD 'changeme' -- finding\n    NOCREATEDB;"),
        Example("ALTER ROLE worker WITH PASSWORD E'k9\\'x'; -- finding", before="CREATE ROLE worker;"),
        Example(
            "CREATE TABLE IF NOT EXISTS vaults (v BYTEA);\n"
            "INSERT INTO vaults SELECT pgp_sym_encrypt('plain', 'Kopenhagen-1987'); -- finding",
            before="CREATE EXTENSION IF NOT EXISTS pgcrypto;",
            runs="needs an extension that not every server has",
        ),
        Example("SET app.jwt_secret = 'correct-horse-battery-staple'; -- finding"),
        Example(
            "CREATE FUNCTION open_up() RETURNS void LANGUAGE plpgsql AS $$ BEGIN\n    ALTER ROLE worker PASSWORD 'hunter2'; -- finding\nEND $$;"
        ),
        Example("SELECT set_config('app.settings.api_key', 'k-93-xx-17', false); -- finding"),
        Example(
            "ALTER DATABASE app SET \"app.settings.jwt_secret\" TO 'correct-horse-battery'; -- finding",
            runs="there is no database app",
        ),
        Example("ALTER ROLE porter SET app.api_token = 'k-93-xx-17'; -- finding", before="CREATE ROLE porter;"),
        Example(
            "CREATE USER MAPPING FOR CURRENT_USER SERVER warehouse OPTIONS (\n    user 'reader',\n    password 'hunter2' -- finding\n);",
            before="CREATE EXTENSION IF NOT EXISTS postgres_fdw;\nCREATE SERVER warehouse FOREIGN DATA WRAPPER postgres_fdw;",
        ),
        Example(
            "CREATE SUBSCRIPTION copy CONNECTION 'host=db dbname=app password=hunter2' PUBLICATION all_tables; -- finding",
            runs="a subscription connects to another server",
        ),
    ),
    good=(
        Example("CREATE ROLE reader NOLOGIN;\nALTER ROLE reader PASSWORD NULL;"),
        Example("CREATE ROLE templated LOGIN PASSWORD '${APP_PASSWORD}';"),
        Example("SET LOCAL password_encryption = 'scram-sha-256';\nSET app.tenant = 'acme';\nSET app.jwt_secret = '';"),
        Example("CREATE TABLE IF NOT EXISTS accounts (password TEXT, api_key TEXT DEFAULT NULL);"),
        Example("ALTER ROLE walker SET search_path = 'public';", before="CREATE ROLE walker;"),
    ),
    sections=("up", "down"),
    bodies=True,
)

RULES = (HARDCODED_SECRET, PASSWORD_LITERAL)
