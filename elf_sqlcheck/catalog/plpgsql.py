"""What a plpgsql body runs, in the order in which it stands there.

`walk` follows the tree that libpg_query makes of a body and gives each embedded statement, each expression that may
call something, and each EXECUTE with as much of its text as can be known. Of each it is told how surely it runs:

- `conditional`: within IF, CASE, a loop or an exception handler, or after a RETURN that may have been taken. Statements
  that stand by themselves in a DO block are not: they run as surely as those outside of it. A loop over an array that
  is written out runs for each of its elements, and is followed so.
- `guarded`: something decides whether it is needed: an IF, a CASE, an early RETURN, or a handler that ignores the
  error of a second run (`EXCEPTION WHEN duplicate_object THEN NULL`).

What a condition says is not judged: `IF NOT EXISTS (…)` and `IF random() < 0.5` count alike.
"""

from __future__ import annotations

from elf_sqlcheck.catalog.variables import Variables
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from elf_sqlcheck.catalog.texts import Parts

    Node = dict[str, Any]

_ERROR = 21
#: More elements of an array are not followed one by one.
_MOST_ROUNDS = 50
_MOST_OF_ALL = 2_500


class Embedded(Record):
    """A piece of SQL in a body: `text` as Postgres reads it, `line` (from 1, within the body) where it begins.

    `kind` is "statement", "expression" (no statement by itself) or "execute"; for the last, `text` is the expression
    and `parts` what it is worth. `again` marks a further round of a loop that is followed element by element.
    """

    kind: str
    text: str
    line: int
    conditional: bool
    guarded: bool
    again: bool = False
    parts: Parts = ()


def walk(function: Node, *, executes: bool) -> Iterator[Embedded]:
    """What a function runs: `function` is the inside of a PLpgSQL_function. What variables are worth is only followed
    when it `executes` texts.
    """
    walker = _Walker(function.get("datums", ()), executes=executes)
    yield from walker.declarations()
    yield from walker.statement(function["action"])


class _Walker:
    """Where the walk is: what the variables are worth, and how surely what comes next runs."""

    __slots__ = ("again", "conditional", "datums", "guarded", "line", "rounds", "variables")

    def __init__(self, datums: list[Node], *, executes: bool) -> None:
        self.datums = [next(iter(datum.values())) for datum in datums]
        self.variables = Variables(self.datums, followed=executes)
        self.conditional = self.guarded = self.again = False
        self.line = 1
        self.rounds = _MOST_OF_ALL

    def declarations(self) -> Iterator[Embedded]:
        """The variables' initial values and the queries of cursors."""
        for datum in self.datums:
            self.line = datum.get("lineno", self.line)
            if "default_val" in datum:
                yield from self.expression(datum["default_val"])
                self.variables.set(datum["refname"], datum["default_val"]["PLpgSQL_expr"]["query"])
            if "cursor_explicit_expr" in datum:
                yield from self.sql(datum["cursor_explicit_expr"])

    def expression(self, node: Node | None) -> Iterator[Embedded]:
        """An expression: of interest only when it may call something."""
        inner = node["PLpgSQL_expr"] if node else {"query": ""}
        if "(" in inner["query"] and not self.again:
            yield Embedded("expression", inner["query"], self.line, self.conditional, self.guarded)

    def sql(self, node: Node | None) -> Iterator[Embedded]:
        """A statement."""
        if node and not self.again:
            yield Embedded("statement", node["PLpgSQL_expr"]["query"], self.line, self.conditional, self.guarded)

    def execute(self, node: Node | None, params: list[Node]) -> Iterator[Embedded]:
        """EXECUTE of the text that an expression makes."""
        if node is None:
            return
        text = node["PLpgSQL_expr"]["query"]
        yield from self.expression(node)
        yield Embedded(
            "execute", text, self.line, self.conditional, self.guarded, self.again, self.variables.worth(text)
        )
        for item in params:
            yield from self.expression(item)

    def branch(self, body: list[Node], *, guarded: bool = True) -> Iterator[Embedded]:
        """Statements that may not run; what they assign is not known afterwards."""
        before = self.conditional, self.guarded, dict(self.variables.values)
        self.conditional, self.guarded = True, self.guarded or guarded
        yield from self.body(body)
        self.conditional, self.guarded, self.variables.values = before
        self.variables.forget(body)
        if _leaves(body):
            self.conditional = self.guarded = True

    def loop(self, inner: Node) -> Iterator[Embedded]:
        """The body of a loop: what it assigns is not known in it either."""
        before = self.conditional, self.guarded
        body = inner.get("body", [])
        self.variables.forget([body, inner.get("var")])
        yield from self.branch(body, guarded=False)
        if not _leaves(body, loop=False):
            self.conditional, self.guarded = before

    def body(self, statements: list[Node]) -> Iterator[Embedded]:
        """Statements one after the other."""
        for statement in statements:
            yield from self.statement(statement)

    def statement(self, wrapped: Node) -> Iterator[Embedded]:
        """One statement of plpgsql."""
        ((kind, inner),) = wrapped.items()
        self.line = inner.get("lineno", self.line)
        method = _STATEMENTS.get(kind)
        if method is not None:
            yield from method(self, inner)
            return
        for key in ("t_expr", "cond", "lower", "upper", "step", "expr", "argquery", "message"):
            if isinstance(inner.get(key), dict):  # the message of RAISE is a text
                yield from self.expression(inner[key])
        params = inner.get("params", [])
        dynamic = inner.get("dynquery") or (inner.get("query") if kind == "PLpgSQL_stmt_dynfors" else None)
        yield from self.execute(dynamic, params)
        if dynamic is None:
            yield from self.sql(inner.get("query") or inner.get("sqlstmt"))
            for item in [*params, *(option["PLpgSQL_raise_option"]["expr"] for option in inner.get("options", ()))]:
                yield from self.expression(item)
        if "body" in inner:
            yield from self.loop(inner)
        else:
            self.variables.forget(inner)
        if kind in {"PLpgSQL_stmt_exit", "PLpgSQL_stmt_return"} and (self.conditional or kind.endswith("return")):
            self.conditional = self.guarded = True  # what comes after it may be passed over

    def block(self, inner: Node) -> Iterator[Embedded]:
        """BEGIN … EXCEPTION … END: a failure takes back what ran, so it is not sure to be done."""
        handlers = inner.get("exceptions", {}).get("PLpgSQL_exception_block", {}).get("exc_list", [])
        before = self.guarded
        self.guarded = before or any(_ignores(handler["PLpgSQL_exception"]) for handler in handlers)
        yield from self.body(inner.get("body", []))
        self.guarded = before or (self.conditional and self.guarded and not handlers)
        for handler in handlers:
            yield from self.branch(handler["PLpgSQL_exception"].get("action", []))

    def choice(self, inner: Node) -> Iterator[Embedded]:
        """IF and CASE."""
        yield from self.expression(inner.get("cond", inner.get("t_expr")))
        yield from self.branch(inner.get("then_body", []))
        for item in [*inner.get("elsif_list", []), *inner.get("case_when_list", [])]:
            ((_, branch),) = item.items()
            self.line = branch.get("lineno", self.line)
            yield from self.expression(branch.get("cond", branch.get("expr")))
            yield from self.branch(branch.get("stmts", []))
        yield from self.branch([*inner.get("else_body", []), *inner.get("else_stmts", [])])

    def assignment(self, inner: Node) -> Iterator[Embedded]:
        """`name := expression`."""
        query = inner["expr"]["PLpgSQL_expr"]["query"]
        target, sign, text = query.partition(":=") if ":=" in query.split("'")[0] else query.partition("=")
        yield from self.expression({"PLpgSQL_expr": {"query": text}})
        name = self.variables.names[inner.get("varno", 0)]
        if sign and name and target.strip().lower() == name:
            self.variables.set(name, text)
        else:
            self.variables.values.pop(name, None)

    def foreach(self, inner: Node) -> Iterator[Embedded]:
        """FOREACH … IN ARRAY: followed for each element of an array that is written out."""
        yield from self.expression(inner["expr"])
        array = None if inner.get("slice") else self.variables.array(inner["expr"]["PLpgSQL_expr"]["query"])
        yield from self._rounds(inner, self.variables.names[inner.get("varno", 0)], array)

    def query_loop(self, inner: Node) -> Iterator[Embedded]:
        """FOR … IN query: followed when the query is `SELECT unnest(ARRAY[…])`."""
        yield from self.sql(inner["query"])
        ((_, variable),) = inner["var"].items()
        fields = variable.get("fields", [])
        array = self.variables.unnested(inner["query"]["PLpgSQL_expr"]["query"]) if len(fields) == 1 else None
        yield from self._rounds(inner, fields[0]["name"] if fields else "", array)

    def _rounds(self, inner: Node, name: str, array: list[Parts] | None) -> Iterator[Embedded]:
        """The rounds of a loop over an array, its variable being `name`."""
        body = inner.get("body", [])
        if array is None or len(array) > min(_MOST_ROUNDS, self.rounds) or self.variables.is_ambiguous(name):
            self.variables.forget([{"fields": [{"name": name}]}])
            yield from self.loop(inner)
            return
        self.rounds -= len(array)
        before = self.again, self.conditional, self.guarded
        for element in array:
            self.variables.forget(body)
            self.variables.values[name] = element
            yield from self.body(body)
            self.again = True
        self.again = before[0]
        if not _leaves(body, loop=False):
            self.conditional, self.guarded = before[1:]
        self.variables.forget([body, {"fields": [{"name": name}]}])


def _leaves(node: Any, *, loop: bool = True) -> bool:
    """Whether something in `node` may leave the function, or with `loop` also the round of the loop it is in."""
    if isinstance(node, list):
        return any(_leaves(item, loop=loop) for item in node)
    if not isinstance(node, dict):
        return False
    if "PLpgSQL_stmt_return" in node or (loop and "PLpgSQL_stmt_exit" in node):
        return True
    return any(_leaves(value, loop=loop) for value in node.values())


def _ignores(handler: Node) -> bool:
    """Whether a handler goes on after an error that a second run would meet."""
    names = [item["PLpgSQL_condition"].get("condname", "") for item in handler.get("conditions", ())]
    raises = any(
        item.get("PLpgSQL_stmt_raise", {}).get("elog_level", 0) == _ERROR for item in handler.get("action", ())
    )
    return not raises and any(
        name == "others" or name.startswith(("duplicate_", "undefined_", "invalid_", "unique_")) for name in names
    )


_STATEMENTS: dict[str, Callable[[_Walker, Node], Iterator[Embedded]]] = {
    "PLpgSQL_stmt_assign": _Walker.assignment,
    "PLpgSQL_stmt_block": _Walker.block,
    "PLpgSQL_stmt_call": lambda walker, inner: walker.sql(inner["expr"]),
    "PLpgSQL_stmt_case": _Walker.choice,
    "PLpgSQL_stmt_commit": lambda walker, _inner: walker.sql({"PLpgSQL_expr": {"query": "COMMIT"}}),
    "PLpgSQL_stmt_dynexecute": lambda walker, inner: walker.execute(inner["query"], inner.get("params", [])),
    "PLpgSQL_stmt_foreach_a": _Walker.foreach,
    "PLpgSQL_stmt_fors": _Walker.query_loop,
    "PLpgSQL_stmt_if": _Walker.choice,
    "PLpgSQL_stmt_perform": lambda walker, inner: walker.sql(inner["expr"]),
    "PLpgSQL_stmt_rollback": lambda walker, _inner: walker.sql({"PLpgSQL_expr": {"query": "ROLLBACK"}}),
}
