"""A local database that stays between commands: started, stopped, looked at, and made anew."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import ServerError
from elf_sqlcheck.postgres import reaper
from elf_sqlcheck.postgres.instance import address
from elf_sqlcheck.postgres.local import is_running, join, joined, locks_alone, open_users, stays
from elf_sqlcheck.postgres.local_data import DATABASE, Wanted, local_data_dir, profile_of, remove

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds to wait for the reaper to answer, and for a server to write its data and stop.
_ANSWER, _STOP = 10.0, 60.0


@dataclass(frozen=True)
class Standing:
    """How a local database stands: where its data is, whether there is any, whether a server runs and is to stay.

    `version` is the major one of the data, "" without any; `url` is "" unless a server accepts connections.
    """

    folder: str
    exists: bool
    is_running: bool
    stays: bool
    version: str
    profile: str
    url: str


def start(project_dir: str, wanted: Wanted) -> bool:
    """Let the local server of a project run until `stop`; returns False when it did already. Raises ServerError."""
    with joined(project_dir, wanted) as member:
        folder = member.server.folder
        if stays(folder):
            return False
        member.tell("stay")
        _wait(lambda: stays(folder), _ANSWER, f"The local server in {folder} does not answer.")
    return True


def stop(project_dir: str) -> bool:
    """Let the local server of a project go; returns whether it is stopped now, or still used by somebody.

    Raises ServerError when it does not stop.
    """
    folder = local_data_dir(project_dir)
    if not (os.path.isdir(folder) and is_running(folder)):
        return True
    users = open_users(folder)
    try:
        alone = locks_alone(users)
        _release(folder)
        if alone:
            _wait(lambda: not is_running(folder), _STOP, f"The local server in {folder} does not stop.")
    finally:
        os.close(users)
    return alone


def reset(project_dir: str, wanted: Wanted) -> None:
    """Make the local database of a project anew, empty; a server that stayed does so again.

    Raises ServerError when another command works on it, or a server does not start or stop.
    """
    folder = local_data_dir(project_dir)
    if os.path.isdir(folder):
        users = open_users(folder)
        try:
            if not locks_alone(users):
                raise ServerError(
                    "Another command works on the local database, so it was left as it is.", "Wait until it has ended."
                )
            is_resident = is_running(folder) and stays(folder)
            if is_running(folder):
                _release(folder)
                _wait(lambda: not is_running(folder), _STOP, f"The local server in {folder} does not stop.")
            remove(folder)
        finally:
            os.close(users)
        if is_resident:
            start(project_dir, wanted)
            return
    with joined(project_dir, wanted):
        pass


def look(project_dir: str) -> Standing:
    """Return how the local database of a project stands; starts nothing. Raises ServerError."""
    folder = local_data_dir(project_dir)
    runs = os.path.isdir(folder) and is_running(folder)
    lines = reaper.pid_file(folder) if runs else []
    is_ready = len(lines) >= 8 and lines[7].strip() == "ready"
    version = ""
    with contextlib.suppress(OSError), open(f"{folder}/data/PG_VERSION", encoding="ascii") as file:
        version = file.read().strip()
    return Standing(
        folder=folder,
        exists=bool(version),
        is_running=runs,
        stays=runs and stays(folder),
        version=version,
        profile=profile_of(folder),
        url=address(lines[4], DATABASE) if is_ready else "",
    )


def _release(folder: str) -> None:
    """Let the server in `folder` stop when nobody uses it; one whose reaper was killed is stopped at once."""
    lifeline = next(filter(None, (join(folder) for _ in range(3))), None)
    if lifeline is None:
        _stop_orphan(folder)
        return
    try:
        os.write(lifeline, b"free\n")
        _wait(lambda: not stays(folder), _ANSWER, f"The local server in {folder} does not answer.")
    finally:
        os.close(lifeline)


def _stop_orphan(folder: str) -> None:
    """Stop the server in `folder` by its process, when that is surely no other one that was given its number."""
    lines = reaper.pid_file(folder)
    if not lines or not is_running(folder):
        return
    if os.path.realpath(f"/proc/{lines[0]}/cwd") != os.path.realpath(f"{folder}/data"):
        raise ServerError(
            f"The local server in {folder} runs, but does not answer.", f"If process {lines[0]} is Postgres, stop it."
        )
    os.kill(int(lines[0]), signal.SIGINT)


def _wait(is_so: Callable[[], bool], seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise ServerError(otherwise, "Look at its log there; `elf-migrate local status` says how it stands.")
        time.sleep(0.005)
