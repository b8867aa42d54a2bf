"""No SQL is put together out of texts where it is run: values are parameters, names are psycopg's identifiers."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RUNS = {"execute", "executemany", "copy", "query", "SQL"}
#: Where something else than constants is put together in the call itself, and why that is no way in for anybody.
ALLOWED = {
    "elf_sqlcheck/postgres/asker.py": "joins constant queries of this package; values are parameters",
    "elf_sqlcheck/postgres/pinned.py": "how a transaction begins, and settings of this package",
    "elf_sqlcheck/verify/queries.py": "a prepared name of ours, and NULLs for its parameters, on a throw-away server",
    "elf_sqlcheck/verify/twice.py": "the server quoted the names (format %I and %L), on a throw-away server",
    "elf_sqlcheck/verify/traffic_session.py": "queries of the project itself, run on purpose on a throw-away server",
    "elf_sqlcheck/verify/observe/rehearsal.py": "a query of this package",
    "elf_sqlcheck/verify/rows": "made of what the server's catalogs name and quote, on a throw-away server",
}


def is_constant(node: ast.expr) -> bool:
    """Whether it is made of literals and constants of the package (names in capitals) only."""
    match node:
        case ast.Constant():
            return True
        case ast.Name(id=name):
            return name.isupper()
        case ast.JoinedStr(values=parts):
            return all(is_constant(part.value if isinstance(part, ast.FormattedValue) else part) for part in parts)
        case ast.BinOp(left=left, right=right):
            return is_constant(left) and is_constant(right)
        case ast.IfExp(body=body, orelse=other):
            return is_constant(body) and is_constant(other)
        case ast.Call(func=ast.Attribute(value=value, attr="encode" | "decode" | "strip"), args=[]):
            return is_constant(value)
    return False


def is_composed(node: ast.expr) -> bool:
    """Whether a text is put together in the very place."""
    return any(
        isinstance(part, ast.JoinedStr)
        or (isinstance(part, ast.BinOp) and isinstance(part.op, (ast.Add, ast.Mod)))
        or (isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in {"join", "format"}
            and not any(isinstance(inner, ast.Attribute) and inner.attr == "SQL" for inner in ast.walk(part)))
        for part in ast.walk(node)
    )  # fmt: skip


def composed(text: str) -> list[int]:
    """The lines of calls that run SQL which is put together of more than constants."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in RUNS
        and node.args
        and not is_constant(node.args[0])
        and (node.func.attr == "SQL" or is_composed(node.args[0]))
    ]


def test_no_sql_is_put_together_where_it_runs() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "elf_sqlcheck").rglob("*.py")
        if composed(path.read_text(encoding="utf-8"))
    }
    used = {place for place in ALLOWED for path in found if path == place or path.startswith(f"{place}/")}
    assert {path for path in found if not any(path == one or path.startswith(f"{one}/") for one in ALLOWED)} == set()
    assert used == set(ALLOWED), "no exception outlives its reason"


@pytest.mark.parametrize(
    "code",
    [
        'c.execute(f"DROP TABLE {name}")', 'c.execute("DROP TABLE %s" % name)', 'c.query("DROP TABLE " + name)',
        'c.execute("DROP TABLE {}".format(name))', 'c.execute("; ".join(names).encode())', "sql.SQL(name)",
        'sql.SQL(f"DROP TABLE {name}")', 'c.copy(f"COPY {name} FROM STDIN".encode())',
    ],
)  # fmt: skip
def test_what_is_put_together_is_found(code: str) -> None:
    assert composed(code) == [1]


@pytest.mark.parametrize(
    "code",
    ['c.execute(_FIND + " ORDER BY 1", [name])', 'c.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))'],
)
def test_what_psycopg_puts_together_passes(code: str) -> None:
    assert composed(code) == []
