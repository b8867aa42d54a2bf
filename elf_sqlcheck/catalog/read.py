"""Statements to changes: the only place that knows the parser's nodes.

`read` looks the statement's kind up in one table; what is not there becomes `Opaque`.
"""

from __future__ import annotations

from functools import partial
from json import JSONDecoder

from elf_sqlcheck.catalog import changes
from elf_sqlcheck.catalog import read_access as access
from elf_sqlcheck.catalog import read_objects as objects
from elf_sqlcheck.catalog import read_routines as routines
from elf_sqlcheck.catalog import read_tables as tables
from elf_sqlcheck.catalog.expressions import Reader, expression, strings
from elf_sqlcheck.catalog.objects import Name
from elf_sqlcheck.catalog.read_calls import function_calls, holds_any, read_calls
from elf_sqlcheck.catalog.read_columns import describe, name_of, name_span, setting
from elf_sqlcheck.model import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.catalog.texts import Room
    from elf_sqlcheck.model import Section, Statement

    Node = dict[str, Any]

_LOCKS = {1: "access share", 2: "row share", 3: "row exclusive", 4: "share update exclusive", 5: "share",
          6: "share row exclusive", 7: "exclusive", 8: "access exclusive"}  # fmt: skip
_decode = JSONDecoder().raw_decode


def read_section(section: Section | None, data: bytes) -> list[Change]:
    """All changes of a section, in their order; none for no section."""
    found: list[Change] = []
    if section is not None:
        reaches_out = holds_any(data.lower())
        room = None
        for statement in section.statements:
            if room is None and statement.kind == "DoStmt":
                from elf_sqlcheck.catalog.texts import Room

                room = Room(section.span.end - section.span.start)
            found.extend(read(statement, data, room))
            if reaches_out:
                found.extend(read_calls(statement, data))
    return found


def read(statement: Statement, data: bytes, room: Room | None = None) -> Iterator[Change]:
    """The changes that one statement makes; `data` is the whole file, `room` that of the section."""
    if statement.kind == "DoStmt":
        reader: Callable[[Statement, bytes], Iterator[Change]] | None = partial(_do, room=room)
    else:
        reader = _READERS.get(statement.kind) or _rare(statement.kind)
    if reader is None:
        yield changes.Opaque(statement, statement.span, describe(statement.kind))
        return
    try:
        yield from reader(statement, data)
    except RecursionError:
        yield changes.Opaque(statement, statement.span, f"{describe(statement.kind)}, nested too deeply to be read")


def _rare(kind: str) -> Callable[[Statement, bytes], Iterator[Change]] | None:
    from elf_sqlcheck.catalog import read_other

    return read_other.READERS.get(kind)


def _insert(statement: Statement, data: bytes) -> Iterator[Change]:
    """Reads the head only: a seed file may hold millions of rows."""
    json = statement.json
    prefix = '{"relation":'
    if not json.startswith(prefix):  # pragma: no cover - every INSERT names its table first
        yield changes.Opaque(statement, statement.span, "INSERT")
        return
    relation, end = _decode(json, len(prefix))
    rows = '"selectStmt":{"SelectStmt":{"valuesLists"'
    from_query = rows not in json[end : end + 20_000] and '"fromClause"' in json[end:]
    place = name_span(relation, statement, data)
    yield changes.WriteRows(statement, place, "insert", name_of(relation), from_query=from_query)


def _write(kind: str) -> Callable[[Statement, bytes], Iterator[Change]]:
    def reader(statement: Statement, data: bytes) -> Iterator[Change]:
        node = statement.node
        relation = node["relation"]
        place = name_span(relation, statement, data)
        filtered = "whereClause" in node or kind == "merge"
        where = expression(node.get("whereClause"), statement.offset)
        targets = [item["ResTarget"]["name"] for item in node.get("targetList", ())]
        yield changes.WriteRows(
            statement, place, kind, name_of(relation), filtered, where=where, columns=tuple(dict.fromkeys(targets))
        )

    return reader


def _copy(statement: Statement, data: bytes) -> Iterator[Change]:
    node = statement.node
    if node.get("is_program") or "filename" in node:
        what = "program" if node.get("is_program") else "file"
        yield changes.Opaque(statement, statement.span, f"COPY with a {what} of the server")
    if not node.get("is_from"):
        yield changes.ReadRows(statement, statement.span)
        return
    place = name_span(node["relation"], statement, data)
    yield changes.WriteRows(statement, place, "copy", name_of(node["relation"]))


def _truncate(statement: Statement, data: bytes) -> Iterator[Change]:
    cascade = statement.node.get("behavior") == "DROP_CASCADE"
    for item in statement.node["relations"]:
        relation = item["RangeVar"]
        place = name_span(relation, statement, data)
        yield changes.WriteRows(statement, place, "truncate", name_of(relation), cascade=cascade)


def _select(statement: Statement, data: bytes) -> Iterator[Change]:
    node = statement.node
    if "intoClause" in node:
        into = node["intoClause"]
        span = name_span(into["rel"], statement, data)
        yield tables.filled_table(statement, span, into, {"SelectStmt": node})
        return
    reader = Reader()
    targets = [item["ResTarget"]["val"] for item in node.get("targetList", ()) if "ResTarget" in item]
    for target in targets:
        if strings(target.get("FuncCall", {}).get("funcname"))[-1:] == ["set_config"]:
            arguments = [item.get("A_Const", {}) for item in target["FuncCall"].get("args", ())]
            values = [argument.get("sval", {}).get("sval") for argument in arguments[:2]]
            local = bool(len(arguments) > 2 and arguments[2].get("boolval", {}).get("boolval"))
            if values and values[0]:
                value = values[1] if len(values) > 1 and "sval" in arguments[1] else ""
                yield changes.SetSetting(statement, statement.span, values[0], value or "", local)
        reader.render(target)
    functions = [".".join(strings(call["funcname"])) for call in function_calls(node.get("fromClause", ()))]
    yield changes.ReadRows(statement, statement.span, (*reader.functions, *functions))


def _call(statement: Statement, _data: bytes) -> Iterator[Change]:
    """CALL of a procedure: what it does is known when its body is."""
    name = ".".join(strings(statement.node["funccall"]["funcname"]))
    yield changes.ReadRows(statement, statement.span, (name,))


def _set(statement: Statement, _data: bytes) -> Iterator[Change]:
    node = statement.node
    name, value = setting(node)
    yield changes.SetSetting(statement, statement.span, name, value, node.get("is_local", False))


def _transaction(statement: Statement, _data: bytes) -> Iterator[Change]:
    kind = statement.node["kind"].removeprefix("TRANS_STMT_").replace("_", " ").lower()
    yield changes.Transaction(statement, statement.span, "begin" if kind == "start" else kind)


def _lock(statement: Statement, _data: bytes) -> Iterator[Change]:
    node = statement.node
    locked = tuple(name_of(item["RangeVar"]) for item in node["relations"])
    mode = _LOCKS.get(node.get("mode", 8), "access exclusive")
    yield changes.LockTable(statement, statement.span, locked, mode, node.get("nowait", False))


def _vacuum(statement: Statement, _data: bytes) -> Iterator[Change]:
    node = statement.node
    options = {item["DefElem"]["defname"] for item in node.get("options", ())}
    kind = "vacuum" if node.get("is_vacuumcmd") else "analyze"
    kind = "vacuum full" if "full" in options else kind
    relations = [item["VacuumRelation"]["relation"] for item in node.get("rels", ())]
    for relation in relations or [None]:
        name = name_of(relation) if relation else None
        yield changes.Maintenance(statement, statement.span, kind, name)


def _cluster(statement: Statement, _data: bytes) -> Iterator[Change]:
    relation = statement.node.get("relation")
    yield changes.Maintenance(statement, statement.span, "cluster", name_of(relation) if relation else None)


def _reindex(statement: Statement, _data: bytes) -> Iterator[Change]:
    node = statement.node
    kind = node["kind"].removeprefix("REINDEX_OBJECT_").lower()
    name = name_of(node["relation"]) if "relation" in node else Name(None, node["name"]) if "name" in node else None
    concurrently = any(item["DefElem"]["defname"] == "concurrently" for item in node.get("params", ()))
    yield changes.Reindex(statement, statement.span, kind, name, concurrently)


def _system(what: str) -> Callable[[Statement, bytes], Iterator[Change]]:
    def reader(statement: Statement, _data: bytes) -> Iterator[Change]:
        yield changes.AlterSystem(statement, statement.span, what)

    return reader


def _alter_database(statement: Statement, _data: bytes) -> Iterator[Change]:
    options = {item["DefElem"]["defname"] for item in statement.node.get("options", ())}
    what = "ALTER DATABASE SET TABLESPACE" if "tablespace" in options else "ALTER DATABASE"
    yield changes.AlterSystem(statement, statement.span, what)


def _do(statement: Statement, data: bytes, room: Room | None) -> Iterator[Change]:
    body, language, start = "", "plpgsql", statement.span.start
    for item in statement.node["args"]:
        element = item["DefElem"]
        if element["defname"] == "language":
            language = element["arg"]["String"]["sval"].lower()
        else:
            body = element["arg"]["String"].get("sval", "")
            start = statement.offset + element.get("arg_location", element.get("location", 0))
    span = Span(start, min(start + len(body.encode()) + 8, statement.span.end))
    change = changes.Do(statement, statement.span, body, span, language)
    yield change
    from elf_sqlcheck.catalog.bodies import do_block

    yield from do_block(change, data, room)


def _foreign_table(statement: Statement, data: bytes) -> Iterator[Change]:
    for change in tables.create_table(statement, data, statement.node["base"]):
        yield change.replace(foreign=True)


_READERS: dict[str, Callable[[Statement, bytes], Iterator[Change]]] = {
    "AlterDatabaseSetStmt": _system("ALTER DATABASE"),
    "AlterDatabaseStmt": _alter_database,
    "AlterDefaultPrivilegesStmt": access.default_privileges,
    "AlterEnumStmt": objects.alter_enum,
    "AlterFunctionStmt": routines.alter_function,
    "AlterForeignServerStmt": access.server_options,
    "AlterObjectSchemaStmt": objects.set_schema,
    "AlterOwnerStmt": objects.set_owner,
    "AlterPolicyStmt": access.alter_policy,
    "AlterRoleStmt": access.create_role,
    "AlterSeqStmt": objects.alter_sequence,
    "AlterSubscriptionStmt": access.subscription,
    "AlterSystemStmt": _system("ALTER SYSTEM"),
    "AlterTableStmt": tables.alter_table,
    "AlterUserMappingStmt": access.server_options,
    "ClusterStmt": _cluster,
    "CallStmt": _call,
    "CommentStmt": objects.comment,
    "CopyStmt": _copy,
    "CreateDomainStmt": objects.create_domain,
    "CreateEnumStmt": objects.create_enum,
    "CreateExtensionStmt": objects.create_extension,
    "CreateForeignServerStmt": access.server_options,
    "CreateForeignTableStmt": _foreign_table,
    "CreateFunctionStmt": routines.create_function,
    "CreatePolicyStmt": access.create_policy,
    "CreateRoleStmt": access.create_role,
    "CreateSchemaStmt": objects.create_schema,
    "CreateSeqStmt": objects.create_sequence,
    "CreateStmt": tables.create_table,
    "CreateSubscriptionStmt": access.subscription,
    "CreateTableAsStmt": tables.create_table_as,
    "CreateTableSpaceStmt": _system("CREATE TABLESPACE"),
    "CreateTrigStmt": routines.create_trigger,
    "CreateUserMappingStmt": access.server_options,
    "CreatedbStmt": _system("CREATE DATABASE"),
    "DeleteStmt": _write("delete"),
    "DropRoleStmt": objects.drop_role,
    "DropStmt": objects.drop,
    "DropTableSpaceStmt": _system("DROP TABLESPACE"),
    "DropdbStmt": _system("DROP DATABASE"),
    "GrantRoleStmt": access.grant_role,
    "GrantStmt": access.grant,
    "IndexStmt": tables.create_index,
    "InsertStmt": _insert,
    "LockStmt": _lock,
    "MergeStmt": _write("merge"),
    "RefreshMatViewStmt": objects.refresh_view,
    "ReindexStmt": _reindex,
    "RenameStmt": objects.rename,
    "SelectStmt": _select,
    "TransactionStmt": _transaction,
    "TruncateStmt": _truncate,
    "UpdateStmt": _write("update"),
    "VacuumStmt": _vacuum,
    "VariableSetStmt": _set,
    "ViewStmt": objects.create_view,
}
