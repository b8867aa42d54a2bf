"""Parser nodes of functions, procedures and triggers to changes."""

from __future__ import annotations

from elf_sqlcheck.catalog import changes
from elf_sqlcheck.catalog.expressions import Reader, expression, strings, type_of
from elf_sqlcheck.catalog.objects import Parameter, Trigger
from elf_sqlcheck.catalog.read_columns import name_of, options_of, setting
from elf_sqlcheck.catalog.read_objects import dotted, object_name
from elf_sqlcheck.model import Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from elf_sqlcheck.catalog.changes import Change
    from elf_sqlcheck.model import Statement

    Node = dict[str, Any]

_MODES = {"FUNC_PARAM_IN": "in", "FUNC_PARAM_OUT": "out", "FUNC_PARAM_INOUT": "inout", "FUNC_PARAM_TABLE": "table",
          "FUNC_PARAM_VARIADIC": "variadic", "FUNC_PARAM_DEFAULT": "in"}  # fmt: skip
#: Bits of CreateTrigStmt, from Postgres' catalog/pg_trigger.h.
_TIMING = {0: "after", 2: "before", 64: "instead of"}
_EVENTS = {4: "insert", 8: "delete", 16: "update", 32: "truncate"}


def create_function(statement: Statement, _data: bytes) -> Iterator[Change]:
    """CREATE FUNCTION and CREATE PROCEDURE."""
    node = statement.node
    parameters = tuple(
        Parameter(p.get("name", ""), type_of(p["argType"]), _MODES[p["mode"]], "defexpr" in p)
        for p in (item["FunctionParameter"] for item in node.get("parameters", ()))
    )
    elements = [item["DefElem"] for item in node.get("options", ())]
    body, body_span = "", None
    for element in elements:
        if element["defname"] == "as":
            body = strings(element["arg"]["List"]["items"])[-1]
            start = statement.offset + element.get("arg_location", element.get("location", 0))
            body_span = Span(start, min(start + len(body.encode()) + 8, statement.span.end))
    if "sql_body" in node:
        body = Reader().render(node["sql_body"])
    options = dict(options_of([{"DefElem": e} for e in elements if e["defname"] not in {"as", "set"}]))
    settings = tuple(setting(e["arg"]["VariableSetStmt"]) for e in elements if e["defname"] == "set")
    returns = node.get("returnType")
    yield changes.CreateFunction(
        statement,
        statement.span,
        dotted(strings(node["funcname"])),
        parameters,
        type_of(returns) if returns else None,
        bool(returns and returns.get("setof")),
        node.get("is_procedure", False),
        node.get("replace", False),
        options.get("language", "sql").lower(),
        options.get("volatility", "volatile").lower(),
        options.get("security") == "true",
        tuple((name, value or "") for name, value in settings),
        tuple((name, value) for name, value in options.items() if name not in {"language", "volatility", "security"}),
        body,
        body_span,
    )


def alter_function(statement: Statement, _data: bytes) -> Iterator[Change]:
    """ALTER FUNCTION, PROCEDURE and ROUTINE."""
    node = statement.node
    name, arguments = object_name({"ObjectWithArgs": node["func"]}, "function")
    elements = [item["DefElem"] for item in node.get("actions", ())]
    settings: list[tuple[str, str | None]] = []
    for element in elements:
        if element["defname"] == "set":
            inner = element["arg"]["VariableSetStmt"]
            found, value = setting(inner)
            settings.append((found, "" if inner["kind"] == "VAR_SET_CURRENT" else value))
    options = dict(options_of([{"DefElem": element} for element in elements if element["defname"] != "set"]))
    definer = options.pop("security", None)
    yield changes.AlterFunction(
        statement, statement.span, name, arguments, tuple(settings), None if definer is None else definer == "true",
        tuple(options.items()),
    )  # fmt: skip


def create_trigger(statement: Statement, _data: bytes) -> Iterator[Change]:
    """CREATE TRIGGER."""
    node = statement.node
    trigger = Trigger(
        node["trigname"],
        dotted(strings(node["funcname"])),
        _TIMING.get(node.get("timing", 0), "after"),
        tuple(event for bit, event in _EVENTS.items() if node.get("events", 0) & bit),
        tuple(strings(node.get("columns"))),
        node.get("row", False),
        expression(node.get("whenClause"), statement.offset),
        tuple(strings(node.get("args"))),
        node.get("isconstraint", False),
    )
    yield changes.CreateTrigger(
        statement, statement.span, name_of(node["relation"]), trigger, node.get("replace", False)
    )
