"""On whose behalf a change is made: the person of Git, the job of the CI system, and the commit."""

from __future__ import annotations

import functools
import getpass
import os
import socket
from importlib.metadata import PackageNotFoundError, version

from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.git import Repository, find_root
from elf_sqlcheck.migrate import ci


@functools.cache
def identity() -> dict[str, str]:
    """Return what is known of who runs this: any of `user`, `host`, `git`, `commit`, `ci`, `actor`, `run`, `tool`."""
    found = {"tool": _tool(), "user": _user(), "host": socket.gethostname(), **_git(), **_ci()}
    return {key: value for key, value in found.items() if value}


def _tool() -> str:
    try:
        return f"elf-migrate {version('elf-sqlcheck')}"
    except PackageNotFoundError:
        return "elf-migrate"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in many containers
        return ""


def _git() -> dict[str, str]:
    root = find_root(os.getcwd())
    if root is None:
        return {}
    try:
        return dict(zip(("git", "commit"), Repository(root).author_and_head(), strict=True))
    except UsageError:
        return {}


def _ci() -> dict[str, str]:
    system = ci.present()
    if system is None:
        return {}
    commit = system.filled(system.commit)
    found = {"ci": system.name, "actor": system.filled(system.actor), "run": system.filled(system.run)}
    return found | ({"commit": commit} if commit else {})
