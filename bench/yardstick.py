"""What parsing costs: the yardstick of `bench/worst.py`, a process that does nothing else with the files it is given.

It parses each text and decodes what comes out, and does the same once with each plpgsql body in it: to the parser of
SQL that is no more than a string. (The parser of plpgsql looks at the SQL in a body, too.)
"""

from __future__ import annotations

import gc
import json
import sys
import time
from typing import TYPE_CHECKING

from pglast import parser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

#: Kinds of statements with a body, where their options stand, and the language when none is given.
_BODIES = {"CreateFunctionStmt": ("options", ""), "DoStmt": ("args", "plpgsql")}


def parse(text: str) -> list[Any]:
    """Parse a text and its bodies, each once; the trees of the bodies. What does not parse is left there."""
    try:
        written = parser.parse_sql_json(text)
        tree = json.loads(written)
    except (parser.ParseError, RecursionError):
        return []
    found = []
    for body in bodies(tree, text) if any(kind in written for kind in _BODIES) else ():
        try:
            found.append(json.loads(parser.parse_plpgsql_json(body)))
        except (parser.ParseError, RecursionError):
            continue
    return found


def bodies(tree: Any, text: str) -> Iterator[str]:
    """The statements of a parsed text that have a plpgsql body."""
    data = text.encode()
    for one in tree["stmts"]:
        kind, node = next(iter(one["stmt"].items()))
        if kind not in _BODIES:
            continue
        field, language = _BODIES[kind]
        for option in node.get(field, ()):
            if option["DefElem"]["defname"] == "language":
                language = option["DefElem"]["arg"]["String"]["sval"]
        if language == "plpgsql":
            start = one.get("stmt_location", 0)
            yield data[start : start + one["stmt_len"] if "stmt_len" in one else None].decode()


def main() -> None:
    """Parse the files that are named; prints the seconds of the processor that it takes."""
    gc.disable()
    sys.setrecursionlimit(6000)
    start = time.process_time()
    for path in sys.argv[1:]:
        with open(path, "rb") as file:
            parse(file.read().decode("utf-8", "replace").lstrip("\ufeff"))
    print(time.process_time() - start)


if __name__ == "__main__":
    main()
