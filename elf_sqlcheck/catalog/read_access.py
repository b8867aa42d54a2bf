"""Parser nodes of who may do what to changes: policies, grants, roles, and credentials written as literals."""

from __future__ import annotations

from elf_sqlcheck.catalog import changes, places
from elf_sqlcheck.catalog.expressions import expression, strings
from elf_sqlcheck.catalog.objects import Name, Policy
from elf_sqlcheck.catalog.read_columns import name_of, options_of, role, word
from elf_sqlcheck.catalog.read_objects import object_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.model import Span, Statement

    Node = dict[str, Any]


def create_policy(statement: Statement, _data: bytes) -> Iterator[Change]:
    """CREATE POLICY."""
    node = statement.node
    policy = Policy(
        node["policy_name"],
        node.get("cmd_name", "all"),
        node.get("permissive", False),
        tuple(role(item["RoleSpec"]) for item in node.get("roles", ())),
        expression(node.get("qual"), statement.offset),
        expression(node.get("with_check"), statement.offset),
    )
    yield changes.CreatePolicy(statement, statement.span, name_of(node["table"]), policy)


def alter_policy(statement: Statement, _data: bytes) -> Iterator[Change]:
    """ALTER POLICY."""
    node = statement.node
    roles = tuple(role(item["RoleSpec"]) for item in node["roles"]) if "roles" in node else None
    yield changes.AlterPolicy(
        statement, statement.span, name_of(node["table"]), node["policy_name"], roles,
        expression(node.get("qual"), statement.offset), expression(node.get("with_check"), statement.offset),
    )  # fmt: skip


def _grantees(nodes: list[Node] | None) -> tuple[str, ...]:
    return tuple(role(item["RoleSpec"]) for item in nodes or ())


def grant(statement: Statement, _data: bytes) -> Iterator[Change]:
    """GRANT and REVOKE on objects."""
    node = statement.node
    columns: dict[tuple[str, ...], list[str]] = {}
    for item in node.get("privileges", ()):
        privilege = item["AccessPriv"]
        columns.setdefault(tuple(strings(privilege.get("cols"))), []).append(privilege.get("priv_name", "all"))
    objects = [object_name(item) for item in node.get("objects", ())]
    for named, privileges in (columns or {(): []}).items():
        yield changes.Grant(
            statement,
            statement.span,
            word(node["objtype"]),
            tuple(name for name, _ in objects),
            tuple(privileges),
            _grantees(node.get("grantees")),
            not node.get("is_grant", False),
            node["targtype"] == "ACL_TARGET_ALL_IN_SCHEMA",
            node.get("grant_option", False),
            node.get("behavior") == "DROP_CASCADE",
            named,
            tuple(arguments for _, arguments in objects),
        )


def grant_role(statement: Statement, _data: bytes) -> Iterator[Change]:
    """GRANT and REVOKE of roles."""
    node = statement.node
    roles = tuple(item["AccessPriv"]["priv_name"] for item in node["granted_roles"])
    grantees = _grantees(node["grantee_roles"])
    yield changes.GrantRole(statement, statement.span, roles, grantees, not node.get("is_grant", False))


def default_privileges(statement: Statement, _data: bytes) -> Iterator[Change]:
    """ALTER DEFAULT PRIVILEGES."""
    node = statement.node
    action = node["action"]
    options = {item["DefElem"]["defname"]: item["DefElem"]["arg"]["List"]["items"] for item in node.get("options", ())}
    yield changes.DefaultPrivileges(
        statement,
        statement.span,
        word(action["objtype"]),
        tuple(item["AccessPriv"].get("priv_name", "all") for item in action.get("privileges", ())),
        _grantees(action.get("grantees")),
        tuple(strings(options.get("schemas"))),
        _grantees(options.get("roles")),
        not action.get("is_grant", False),
        action.get("grant_option", False),
    )


def create_role(statement: Statement, data: bytes) -> Iterator[Change]:
    """CREATE and ALTER ROLE, USER and GROUP."""
    node = statement.node
    alter = statement.kind == "AlterRoleStmt"
    options = dict(options_of(node.get("options")))
    password: Span | None = None
    for item in node.get("options", ()):
        element = item["DefElem"]
        if element["defname"] == "password" and element.get("arg", {}).get("String", {}).get("sval"):
            password = places.literal(data, statement.offset + element.get("arg_location", 0), statement.span.end)
            options.pop("password", None)
    if node.get("stmt_type") == "ROLESTMT_USER":
        options.setdefault("canlogin", "true")
    name = role(node["role"]) if alter else node["role"]
    yield changes.Role(statement, statement.span, name, alter, tuple(options.items()), password)


_SECRET_OPTIONS = frozenset({"password", "passfile", "sslpassword", "sslkey", "secret", "api_key", "token", "passcode"})


def server_options(statement: Statement, data: bytes) -> Iterator[Change]:
    """User mappings and foreign servers: options that hold a credential."""
    node = statement.node
    mapping = "UserMapping" in statement.kind
    kind = "a user mapping" if mapping else "a foreign server"
    made, name = "", None
    if statement.kind.startswith("Create"):
        made = kind.removeprefix("a ")
        name = Name(None, f"{role(node['user'])} on {node['servername']}" if mapping else node["servername"])
    yield changes.Opaque(statement, statement.span, kind, made, name)
    for item in node.get("options", ()):
        element = item["DefElem"]
        value = element.get("arg", {}).get("String", {}).get("sval")
        if element["defname"].lower() in _SECRET_OPTIONS and value:
            start = statement.offset + element.get("arg_location", element.get("location", 0))
            span = places.literal(data, start, statement.span.end)
            yield changes.Secretive(statement, span, f"option {element['defname']} of {kind}", span)


def subscription(statement: Statement, data: bytes) -> Iterator[Change]:
    """CREATE and ALTER SUBSCRIPTION: a connection string with a password."""
    node = statement.node
    made, name = ("subscription", Name(None, node["subname"])) if "Create" in statement.kind else ("", None)
    yield changes.Opaque(statement, statement.span, "a subscription", made, name)
    if "password" in node.get("conninfo", "").lower():
        start = statement.offset + node.get("conninfo_location", 0)
        span = places.literal(data, start, statement.span.end) if "conninfo_location" in node else statement.span
        yield changes.Secretive(statement, span, "the connection string of a subscription", span)
