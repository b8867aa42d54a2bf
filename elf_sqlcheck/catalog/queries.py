"""What a query reads and what it selects, from the text alone.

Which columns a view uses decides what cannot be dropped while it is there; which it selects, whether it can be
replaced, and what CREATE TABLE … AS makes. What the text does not tell (SELECT * of a function) is None.
"""

from __future__ import annotations

from elf_sqlcheck.catalog.expressions import Reader, strings, type_of
from elf_sqlcheck.catalog.objects import Name, Output, Type
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Node = dict[str, Any]
    #: The names of the columns of a subquery, None when they are not known.
    Columns = list[Output] | None


class Query(Record):
    """A query: `text` its normal form, `reads` the relations in it, `output` what it selects, `uses` the columns that
    it reads, each with the relations one of which it belongs to, `functions` those it calls.
    """

    text: str
    reads: tuple[Name, ...]
    output: tuple[Output, ...] | None
    uses: tuple[tuple[tuple[Name, ...], str], ...]
    functions: tuple[str, ...]


def read_query(node: Node) -> Query:
    """Read the node of a SELECT."""
    reader = Reader()
    text = reader.render(node)
    walker = _Walker()
    output = walker.query(node, {}, None)
    return Query(
        text, tuple(walker.reads), tuple(output) if output is not None else None, tuple(walker.uses),
        tuple(dict.fromkeys(reader.functions)),
    )  # fmt: skip


_NESTED = frozenset({dict, list})


class _Source(Record):
    """One element of FROM: `alias` is how columns name it; `relation` None: a subquery or a function."""

    alias: str
    relation: Name | None
    columns: tuple[Output, ...] | None = None


class _Scope:
    """The elements of FROM of one SELECT, and the query around it."""

    __slots__ = ("merged", "outer", "sources")

    def __init__(self, outer: _Scope | None) -> None:
        self.sources: list[_Source] = []
        self.merged = False
        self.outer = outer

    def around(self) -> Iterator[_Scope]:
        scope: _Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer


class _Walker:
    """Walks one statement and remembers what it reads; dicts stand for ordered sets."""

    __slots__ = ("reads", "uses")

    def __init__(self) -> None:
        self.reads: dict[Name, None] = {}
        self.uses: dict[tuple[tuple[Name, ...], str], None] = {}

    def query(self, wrapped: Node, ctes: dict[str, Columns], outer: _Scope | None) -> Columns:
        """The columns of any query."""
        node = wrapped.get("SelectStmt")
        if node is None:
            self._other(wrapped, ctes, _Scope(outer))
            return None
        return self.select(node, ctes, outer)

    def select(self, node: Node, ctes: dict[str, Columns], outer: _Scope | None) -> Columns:
        ctes = self._with(node, ctes, outer)
        if "larg" in node:
            columns = self.select(node["larg"], ctes, outer)
            self.select(node["rarg"], ctes, outer)
            return columns
        scope = _Scope(outer)
        if "valuesLists" in node:
            for row in node["valuesLists"]:
                self._other(row, ctes, scope)
            first = node["valuesLists"][0]["List"].get("items", ())
            return [Output(f"column{number}", type=_type(value)) for number, value in enumerate(first, 1)]
        for item in node.get("fromClause", ()):
            self._from(item, ctes, scope)
        for key, value in node.items():
            if key not in {"withClause", "fromClause", "intoClause"}:
                self._other(value, ctes, scope)
        return self._targets(node.get("targetList", ()), scope)

    def _with(self, node: Node, ctes: dict[str, Columns], outer: _Scope | None) -> dict[str, Columns]:
        if "withClause" not in node:
            return ctes
        ctes = dict(ctes)
        for item in node["withClause"]["ctes"]:
            cte = item["CommonTableExpr"]
            names = strings(cte.get("aliascolnames"))
            ctes[cte["ctename"]] = [Output(name) for name in names] or None  # it may name itself
            columns = self.query(cte["ctequery"], ctes, outer)
            ctes[cte["ctename"]] = _renamed(columns, names)
        return ctes

    def _from(self, item: Node, ctes: dict[str, Columns], scope: _Scope) -> None:
        ((kind, node),) = item.items()
        alias = node.get("alias", {})
        names = strings(alias.get("colnames"))
        if kind == "RangeVar":
            schema, name = node.get("schemaname"), node["relname"]
            called = alias.get("aliasname", name)
            if schema is None and name in ctes:
                columns = _renamed(ctes[name], names)
                scope.sources.append(_Source(called, None, tuple(columns) if columns is not None else None))
                return
            relation = Name(schema, name)
            self.reads[relation] = None
            scope.sources.append(_Source(called, None if names else relation))
        elif kind == "JoinExpr":
            self._from(node["larg"], ctes, scope)
            self._from(node["rarg"], ctes, scope)
            scope.merged = scope.merged or bool(node.get("isNatural") or "usingClause" in node or alias)
            for name in strings(node.get("usingClause")):
                for source in scope.sources:
                    if source.relation:
                        self.uses[(source.relation,), name] = None
            self._other(node.get("quals"), ctes, scope)
        elif kind == "RangeSubselect":
            columns = _renamed(self.query(node["subquery"], ctes, scope), names)
            scope.sources.append(_Source(alias.get("aliasname", ""), None, None if columns is None else tuple(columns)))
        else:
            self._other(node, ctes, scope)
            known = tuple(Output(name) for name in names) or None
            scope.sources.append(_Source(alias.get("aliasname", ""), None, known))

    def _other(self, value: Any, ctes: dict[str, Columns], scope: _Scope) -> None:
        """Any other part of a query: remember its columns, descend into its subqueries."""
        if isinstance(value, list):
            for item in value:
                self._other(item, ctes, scope)
        elif isinstance(value, dict):
            for key, item in value.items():
                if key == "ColumnRef":
                    self._column(item["fields"], scope)
                elif key == "SelectStmt":
                    self.select(item, ctes, scope)
                elif key == "RangeVar":
                    self.reads[Name(item.get("schemaname"), item["relname"])] = None
                elif type(item) in _NESTED:
                    self._other(item, ctes, scope)

    def _column(self, fields: list[Node], scope: _Scope) -> None:
        if "A_Star" in fields[-1]:
            alias = strings(fields)[-1:]
            for element in scope.sources:
                if element.relation and (not alias or alias[0] == element.alias):
                    self.uses[(element.relation,), "*"] = None
            return
        source = _named(strings(fields), scope)
        column = strings(fields)[-1]
        if source is not None:
            if source.relation:
                self.uses[(source.relation,), column] = None
            return
        candidates: list[Name] = []
        for around in scope.around():
            if any(column in {c.name for c in s.columns or ()} for s in around.sources):
                break
            candidates += [s.relation for s in around.sources if s.relation]
        if candidates and len(fields) == 1:
            self.uses[tuple(candidates), column] = None

    def _targets(self, targets: list[Node], scope: _Scope) -> Columns:
        found: list[Output] = []
        for item in targets:
            target = item["ResTarget"]
            value = target["val"]
            fields = value.get("ColumnRef", {}).get("fields", ())
            if fields and "A_Star" in fields[-1]:
                star = _star(strings(fields)[-1:], scope)
                if star is None:
                    return None
                found += star
                continue
            name = target.get("name") or _called(value) or "?column?"
            column = _origin(strings(fields), scope) if fields else None
            found.append(column.replace(name=name) if column else Output(name, type=_type(value)))
        return found


def _renamed(columns: Columns, names: list[str]) -> Columns:
    """The columns under the names that an alias gives them."""
    if columns is None or len(names) > len(columns):
        return None
    return [column.replace(name=name) for column, name in zip(columns, names, strict=False)] + columns[len(names) :]


def _named(fields: list[str], scope: _Scope) -> _Source | None:
    """The element of FROM that a qualified column names."""
    if len(fields) < 2:
        return None
    for around in scope.around():
        for source in around.sources:
            if source.alias == fields[-2]:
                return source
    return None


def _origin(fields: list[str], scope: _Scope) -> Output | None:
    """Where a column of a query comes from, None where that cannot be told."""
    source = _named(fields, scope)
    if source is None and len(fields) == 1 and len(scope.sources) == 1:
        source = scope.sources[0]
    if source is None:
        return None
    if source.relation:
        return Output(fields[-1], source.relation, fields[-1])
    return next((column for column in source.columns or () if column.name == fields[-1]), None)


def _star(alias: list[str], scope: _Scope) -> Columns:
    """What `*` or `alias.*` stands for."""
    if scope.merged and not alias:
        return None
    found: list[Output] = []
    for source in scope.sources:
        if alias and source.alias != alias[0]:
            continue
        if source.relation:
            found.append(Output("*", source.relation))
        elif source.columns is None:
            return None
        else:
            found += source.columns
    return found


_NAMED_BY_KIND = {"CoalesceExpr": "coalesce", "A_ArrayExpr": "array", "RowExpr": "row", "GroupingFunc": "grouping"}


def _called(value: Node) -> str:
    """The name that Postgres gives a column without one (FigureColname in parse_target.c); "" for ?column?."""
    return _figured(value)[0]


def _figured(value: Node) -> tuple[str, bool]:
    """The name, and whether it outdoes the name of a type that the value is cast to."""
    ((kind, node),) = value.items()
    if kind == "ColumnRef":
        last = node["fields"][-1]
        return (last["String"]["sval"], True) if "String" in last else ("", False)
    if kind == "FuncCall":
        return strings(node["funcname"])[-1], True
    if kind == "TypeCast":
        name, strong = _figured(node["arg"])
        return (name, True) if strong else (strings(node["typeName"]["names"])[-1], False)
    if kind == "CollateClause":
        return _figured(node["arg"])
    if kind == "A_Indirection":
        names = strings(node["indirection"])
        return (names[-1], True) if names else _figured(node["arg"])
    if kind == "CaseExpr":
        name, strong = _figured(node["defresult"]) if "defresult" in node else ("", False)
        return (name, True) if strong else ("case", False)
    if kind == "MinMaxExpr":
        return str(node["op"].removeprefix("IS_").lower()), True
    if kind == "A_Expr":
        return ("nullif", True) if node.get("kind") == "AEXPR_NULLIF" else ("", False)
    if kind == "SQLValueFunction":
        return str(node["op"].removeprefix("SVFOP_").removesuffix("_N").lower()), True
    if kind == "SubLink":
        return _of_subquery(node), True
    return _NAMED_BY_KIND.get(kind, ""), kind in _NAMED_BY_KIND


def _of_subquery(node: Node) -> str:
    kind = node["subLinkType"]
    if kind in {"EXISTS_SUBLINK", "ARRAY_SUBLINK"}:
        return str(kind.removesuffix("_SUBLINK").lower())
    targets = node["subselect"].get("SelectStmt", {}).get("targetList", ())
    if kind != "EXPR_SUBLINK" or not targets:
        return ""
    target = targets[0]["ResTarget"]
    return str(target.get("name") or _called(target["val"]))


_CALLS = {"count": "int8", "now": "timestamptz", "gen_random_uuid": "uuid", "lower": "text", "upper": "text"}


def _type(value: Node) -> Type | None:
    """The type of an expression that says it."""
    ((kind, node),) = value.items()
    if kind == "TypeCast":
        return type_of(node["typeName"])
    if kind == "A_Const":
        known = {"ival": "int4", "boolval": "bool", "sval": "text", "isnull": "text"}
        found = [name for key, name in known.items() if key in node]
        return Type(found[0]) if found else None
    if kind == "FuncCall":
        name = _CALLS.get(strings(node["funcname"])[-1])
        return Type(name) if name else None
    return None
