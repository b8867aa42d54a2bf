"""Who may do what: roles with power over everything, new logins, and grants to everybody."""

from __future__ import annotations

from elf_sqlcheck.rule import (
    Applicability,
    Context,
    DefaultPrivileges,
    Edit,
    Example,
    Finding,
    Fix,
    Grant,
    GrantRole,
    Role,
    Rule,
    Severity,
    quoted,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: Options of roles, as the parser calls them: the word for it, and what it gives.
_POWERS = {
    "superuser": ("SUPERUSER", "no permission and no policy holds it back, and it can read files and run programs of the server"),
    "bypassrls": ("BYPASSRLS", "row level security does not apply to it: it reads and writes the rows of all users"),
    "isreplication": ("REPLICATION", "it can copy the whole database as a stream, past all permissions"),
    "createrole": ("CREATEROLE", "it can make logins and give itself the rights of other roles"),
}  # fmt: skip
#: Roles that give the like of them to their members.
_POWERFUL = frozenset(
    ["azure_pg_admin", "cloudsqlsuperuser", "pg_execute_server_program", "pg_read_all_data", "pg_read_server_files",
     "pg_write_all_data", "pg_write_server_files", "postgres", "rds_superuser", "service_role", "supabase_admin"]
)  # fmt: skip
_API_ROLES = frozenset(["anon", "authenticated"])
#: What ALL is narrowed to, and what it allows beyond that.
_NARROWER = {
    "table": ("SELECT, INSERT, UPDATE, DELETE", "TRUNCATE, which row level security does not check, and TRIGGER and REFERENCES"),
    "sequence": ("USAGE, SELECT", "setval(), which breaks the keys that are handed out next"),
    "schema": ("USAGE", "creating tables and functions in it"),
    "database": ("CONNECT", "creating schemas in it"),
}  # fmt: skip
#: What everybody may do from the start, so that granting it changes nothing: https://www.postgresql.org/docs/current/ddl-priv.html
_DEFAULTS = {
    "function": "execute", "procedure": "execute", "routine": "execute", "type": "usage", "domain": "usage",
    "language": "usage", "database": "connect",
}  # fmt: skip


def _powers(context: Context[Role | GrantRole]) -> Iterator[Finding]:
    change = context.change
    if isinstance(change, Role):
        given = dict(change.options)
        powers = [power for option, power in _POWERS.items() if given.get(option) == "true"]
        if powers:
            words = ", ".join(word for word, _ in powers)
            span = context.find_words((powers[0][0].lower(),), change.statement.span)
            yield context.finding(f"role {quoted(change.name)} gets {words}: {powers[0][1]}", span)
        return
    if change.revoke:
        return
    for role in change.roles:
        made = _made_powerful(context, role)
        if role in _POWERFUL or made:
            members = " and ".join(quoted(name) for name in change.grantees)
            what = f"which this migration gives {made}" if made else "which no policy holds back"
            yield context.finding(f"{members} can do all that role {quoted(role)} can, {what}")


def _made_powerful(context: Context[Role | GrantRole], role: str) -> str:
    """The power that this section gives a role, "" for none."""
    for other in context.of(Role):
        if other.name == role:
            for option, value in other.options:
                if option in _POWERS and value == "true":
                    return _POWERS[option][0]
    return ""


def _login(context: Context[Role]) -> Iterator[Finding]:
    change = context.change
    if ("canlogin", "true") not in change.options:
        return
    words = context.find_words(("login",), change.statement.span)
    user = context.find_words(("create", "user"), change.statement.span)
    edit = Edit(words, context.keywords("NOLOGIN")) if words else None
    if edit is None and user and not change.alter:
        edit = Edit(user, context.keywords("CREATE ROLE"))
    fix = Fix("make it a role that cannot log in", (edit,), Applicability.UNSAFE) if edit else None
    message = f"role {quoted(change.name)} can log in from now on, in every environment that runs this migration"
    instead = f"{'ALTER' if change.alter else 'CREATE'} ROLE {quoted(change.name)} NOLOGIN; and give it to a login that is managed outside"
    yield context.finding(message, words, fix=fix, instead=instead)


def _public(context: Context[Grant | DefaultPrivileges]) -> Iterator[Finding]:
    change = context.change
    if change.revoke or _DEFAULTS.get(change.kind) in (*change.privileges, "execute" if _is_all(change) else ""):
        return
    if "public" in change.grantees and not (change.kind == "schema" and change.privileges == ("usage",)):
        privileges = "all privileges" if _is_all(change) else ", ".join(word.upper() for word in change.privileges)
        message = f"every role there is, now and later, gets {privileges} on {_what(change)}"
        yield context.finding(message, instead="name the roles that need it: GRANT … TO authenticated;")
        return
    grantees = [role for role in change.grantees if role in _API_ROLES]
    narrower = _NARROWER.get(change.kind)
    if not grantees or narrower is None or not _is_all(change):
        return
    span = context.find_words(("all",), change.statement.span)
    longer = context.find_words(("all", "privileges"), change.statement.span)
    fix = None
    if span and not getattr(change, "columns", ()):
        edit = Edit(longer or span, context.keywords(narrower[0]))
        only = len(grantees) == len(change.grantees)
        fix = Fix(f"grant {narrower[0]}", (edit,), Applicability.UNSAFE if only else Applicability.SHOWN)
    message = f"whoever has the {' or '.join(grantees)} key gets ALL on {_what(change)}: that includes {narrower[1]}"
    yield context.finding(message, longer or span, instead=f"GRANT {narrower[0]} …, or less", fix=fix)


def _is_all(change: Grant | DefaultPrivileges) -> bool:
    return not change.privileges or "all" in change.privileges


def _what(change: Grant | DefaultPrivileges) -> str:
    """What a grant is on, in words."""
    if isinstance(change, DefaultPrivileges):
        where = f" in schema {', '.join(quoted(name) for name in change.schemas)}" if change.schemas else ""
        return f"each {change.kind} that will be made{where}"
    names = ", ".join(str(name) for name in change.objects)
    return f"every {change.kind} of schema {names}" if change.all_in_schema else f"{change.kind} {names}"


_T = "CREATE TABLE notes (id UUID PRIMARY KEY);"
_API = "CREATE ROLE anon; CREATE ROLE authenticated; CREATE ROLE service_role;"
_ALL = "SELECT, INSERT, UPDATE, DELETE"

SUPERUSER_GRANT = Rule(
    name="superuser-grant",
    family="access",
    severity=Severity.ERROR,
    summary="a role that no permission or policy holds back, or membership in one",
    why="Whoever takes over that role owns the database: all rows of all users, and with SUPERUSER the files and programs of the server.",
    instead="Grant what is needed on the objects that need it: CREATE ROLE reporting NOLOGIN; GRANT SELECT ON … TO reporting;",
    on=(Role, GrantRole),
    check=_powers,
    bad=(
        Example("CREATE ROLE admin SUPERUSER; -- finding"),
        Example("CREATE ROLE admin;\nALTER ROLE admin WITH\n    BYPASSRLS; -- finding"),
        Example("CREATE ROLE copier NOLOGIN REPLICATION; -- finding"),
        Example("CREATE ROLE maker CREATEROLE; -- finding\nCREATE ROLE member;\nGRANT maker TO member; -- finding"),
        Example("CREATE ROLE importer;\nGRANT pg_read_server_files TO importer; -- finding"),
        Example("DO $$ BEGIN\n    EXECUTE 'CREATE ROLE back_door SUPERUSER'; -- finding\nEND $$;"),
        Example(
            "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN\n    ALTER ROLE app BYPASSRLS; -- finding\nEND $$;"
        ),
    ),
    good=(
        Example("CREATE ROLE reporting NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOREPLICATION;"),
        Example("CREATE ROLE member;\nGRANT pg_monitor TO member;\nGRANT member TO CURRENT_USER;"),
        Example("REVOKE service_role FROM intruder;", before="CREATE ROLE intruder; CREATE ROLE service_role;"),
    ),
    sections=("up", "down"),
    bodies=True,
)

NEW_LOGIN = Rule(
    name="new-login",
    family="access",
    severity=Severity.ERROR,
    summary="a role that can log in",
    why="A migration runs in every environment, so the login is there in each of them, often with a password that the repository shows, and stays when the person has left.",
    instead="CREATE ROLE app_reader NOLOGIN; and let logins, made and rotated outside of migrations, be members of it.",
    on=(Role,),
    check=_login,
    bad=(
        Example("CREATE ROLE reporting LOGIN; -- finding", fixed="CREATE ROLE reporting NOLOGIN;", unsafe=True),
        Example("create user worker; -- finding", fixed="create role worker;", unsafe=True),
        Example(
            "ALTER ROLE reporting\n    WITH LOGIN; -- finding",
            before="CREATE ROLE reporting;",
            fixed="ALTER ROLE reporting\n    WITH NOLOGIN;",
            unsafe=True,
        ),
        Example(
            "DO $$ BEGIN\n    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'worker') THEN\n        CREATE ROLE worker LOGIN; -- finding\n    END IF;\nEND $$;"
        ),
    ),
    good=(
        Example("CREATE ROLE app_reader;\nCREATE ROLE app_writer NOLOGIN;\nCREATE GROUP staff;"),
        Example("ALTER ROLE app_reader SET statement_timeout = '3s';", before="CREATE ROLE app_reader;"),
        Example("ALTER USER app_reader NOLOGIN;", before="CREATE ROLE app_reader;"),
    ),
    bodies=True,
)

GRANT_TO_PUBLIC = Rule(
    name="grant-to-public",
    family="access",
    severity=Severity.ERROR,
    summary="rights for everybody: GRANT … TO PUBLIC, or ALL to the roles of the public API",
    why="PUBLIC is every role, those made later included. anon and authenticated are whoever has the key that each browser is sent, and ALL gives them TRUNCATE, which asks no policy.",
    instead="Grant what is used to the roles that use it: GRANT SELECT, INSERT, UPDATE, DELETE ON … TO authenticated;",
    on=(Grant, DefaultPrivileges),
    check=_public,
    bad=(
        Example("GRANT SELECT ON notes TO PUBLIC; -- finding", before=_T),
        Example(
            "GRANT ALL ON notes TO anon; -- finding",
            before=_T + _API,
            fixed=f"GRANT {_ALL} ON notes TO anon;",
            unsafe=True,
        ),
        Example(
            "grant all privileges on all tables in schema public to anon, authenticated; -- finding",
            before=_API,
            fixed=f"grant {_ALL.lower()} on all tables in schema public to anon, authenticated;",
            unsafe=True,
        ),
        Example("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO authenticated, service_role; -- finding", before=_API),
        Example(
            "GRANT ALL ON SCHEMA public TO anon; -- finding",
            before=_API,
            fixed="GRANT USAGE ON SCHEMA public TO anon;",
            unsafe=True,
        ),
        Example("GRANT CREATE ON SCHEMA public TO PUBLIC; -- finding"),
        Example(
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public\n    GRANT ALL ON TABLES TO anon; -- finding",
            before=_API,
            fixed=f"ALTER DEFAULT PRIVILEGES IN SCHEMA public\n    GRANT {_ALL} ON TABLES TO anon;",
            unsafe=True,
        ),
        Example(
            "DO $$ DECLARE t TEXT; BEGIN\n    FOREACH t IN ARRAY ARRAY['notes'] LOOP\n        EXECUTE format('GRANT ALL ON %I TO anon', t); -- finding\n    END LOOP;\nEND $$;",
            before=_T + _API,
        ),
    ),
    good=(
        Example(
            "GRANT USAGE ON SCHEMA public TO anon, authenticated;\nGRANT SELECT ON notes TO anon;\nGRANT SELECT, INSERT, UPDATE, DELETE ON notes TO authenticated;\nGRANT ALL ON notes TO service_role;",
            before=_T + _API,
        ),
        Example(
            "CREATE SCHEMA marketing;\nCREATE ROLE marketing_team_role;\nGRANT ALL ON SCHEMA marketing TO marketing_team_role;\nGRANT ALL ON ALL TABLES IN SCHEMA marketing TO marketing_team_role;"
        ),
        Example(
            "REVOKE ALL ON notes FROM PUBLIC;\nREVOKE ALL ON ALL TABLES IN SCHEMA public FROM anon;", before=_T + _API
        ),
        Example("GRANT USAGE ON SCHEMA public TO PUBLIC;"),
        Example(
            "CREATE FUNCTION one() RETURNS INT LANGUAGE sql AS 'SELECT 1';\nGRANT ALL ON FUNCTION one() TO anon; -- it is EXECUTE, which everybody has\nGRANT EXECUTE ON FUNCTION one() TO PUBLIC;",
            before=_API,
        ),
    ),
    bodies=True,
)

RULES = (SUPERUSER_GRANT, NEW_LOGIN, GRANT_TO_PUBLIC)
