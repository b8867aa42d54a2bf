"""Calls, anywhere in a statement, of functions that reach out of the database or are given a credential."""

from __future__ import annotations

from elf_sqlcheck.catalog import changes
from elf_sqlcheck.catalog.expressions import strings
from elf_sqlcheck.catalog.places import literal
from elf_sqlcheck.model import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.model import Statement

    Node = dict[str, Any]

_CONNECTING = frozenset(
    ["dblink", "dblink_connect", "dblink_connect_u", "dblink_exec", "dblink_open", "dblink_send_query"]
)
_WATCHED = _CONNECTING | {
    "http", "http_delete", "http_get", "http_head", "http_patch", "http_post", "http_put", "http_request",
    "lo_export", "lo_import", "pg_file_read", "pg_file_rename", "pg_file_unlink", "pg_file_write", "pg_logdir_ls",
    "pg_ls_archive_statusdir", "pg_ls_dir", "pg_ls_logdir", "pg_ls_tmpdir", "pg_ls_waldir", "pg_read_binary_file",
    "pg_read_file", "pg_stat_file",
}  # fmt: skip
_MARKS = (b"pgp_sym_", b"dblink", b"http_", b"http(", b"lo_import", b"lo_export", b"pg_read_", b"pg_ls_", b"pg_file_",
          b"pg_stat_file", b"pg_logdir_ls")  # fmt: skip


def holds_any(lowered: bytes) -> bool:
    """Whether a text, in lower case, has the name of any function that is watched."""
    return any(mark in lowered for mark in _MARKS)


def function_calls(node: Any) -> Iterator[Node]:
    """Each FuncCall in a node but for those in a function's body, which is read by itself."""
    waiting: list[Any] = [node]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(reversed(value))
        elif isinstance(value, dict):
            call = value.get("FuncCall")
            if call:
                yield call
            waiting.extend(reversed([inner for key, inner in value.items() if key != "sql_body"]))


def read_calls(statement: Statement, data: bytes) -> Iterator[Change]:
    """The calls of watched functions in a statement."""
    for call in function_calls(statement.node):
        parts = strings(call["funcname"])
        if parts[-1] in _WATCHED:
            start = statement.offset + call.get("location", 0)
            yield changes.Call(statement, Span(start, start + len(".".join(parts))), ".".join(parts))
        if parts[-1] in _CONNECTING or parts[-1].startswith("pgp_sym_"):
            yield from _secret(call, parts[-1], statement, data)


def _secret(call: Node, name: str, statement: Statement, data: bytes) -> Iterator[Change]:
    """The literal among the arguments of a call that is a key or holds a password."""
    arguments = [argument.get("A_Const", {}) for argument in call.get("args", ())]
    wanted: Node | None = None
    if name.startswith("pgp_sym_"):
        wanted, what = arguments[1] if len(arguments) > 1 else None, f"the key given to {name}"
    else:
        texts = [argument.get("sval", {}).get("sval", "").lower() for argument in arguments]
        wanted = next((argument for argument, text in zip(arguments, texts, strict=True) if "password" in text), None)
        what = f"the connection string given to {name}"
    if wanted and wanted.get("sval", {}).get("sval"):
        start = statement.offset + wanted.get("location", 0)
        span = literal(data, start, statement.span.end)
        yield changes.Secretive(statement, span, what, span)
