"""What the processes of a throw-away server may do on this machine: next to nothing beside its own folder.

Migrations run code, and with a superuser's rights any code. Linux' Landlock keeps the server and all that it starts to
the programs and libraries of the system and to its own folder: no file of the user's is read, none elsewhere is
written, no TCP connection is made or waited for, no process of the user's gets a signal. It needs no privilege, and
none is gained by set-user-ID programs from then on: https://docs.kernel.org/userspace-api/landlock.html

Where the kernel has none (before Linux 5.13, macOS, or switched off), nothing is confined; `level` tells.
"""

from __future__ import annotations

import contextlib
import functools
import os
import resource
import shutil
import struct
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from ctypes import CDLL

# linux/landlock.h; the numbers of the calls are the same on every architecture that has them.
_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION, _PATH_BENEATH, _NO_NEW_PRIVS = 1, 1, 38
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_DIR = (1 << bit for bit in range(5))
_MAKE_CHAR, _MAKE_BLOCK, _TRUNCATE = 1 << 6, 1 << 11, 1 << 14
#: How many kinds of access to files the versions know.
_KINDS = {1: 13, 2: 14, 3: 15, 4: 15}
_MOST_KINDS = 16
_READ = _EXECUTE | _READ_FILE | _READ_DIR
#: What may be said of a file; the rest is about folders.
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
#: Where programs, libraries and what these read are.
_SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store", "/run/current-system",
    "/etc/alternatives", "/etc/group", "/etc/host.conf", "/etc/hosts", "/etc/ld.so.cache", "/etc/ld.so.conf",
    "/etc/ld.so.conf.d", "/etc/ld.so.preload", "/etc/locale.alias", "/etc/locale.conf", "/etc/localtime",
    "/etc/nsswitch.conf", "/etc/passwd", "/etc/resolv.conf", "/etc/ssl/openssl.cnf", "/etc/timezone",
    "/sys/devices/system/cpu", "/dev/random", "/dev/urandom",
)  # fmt: skip
_DEVICES = ("/dev/null", "/dev/zero")
#: What the reaper runs.
_PROGRAMS = ("sh", "cp", "rm", "sleep")


@functools.cache
def level() -> int:
    """The version of Landlock here, 0 for none."""
    if sys.platform != "linux":
        return 0
    return max(_call(_CREATE, None, 0, _VERSION), 0)


@contextlib.contextmanager
def confined(folder: str, readable: Iterable[str], memory: int = 0) -> Iterator[Callable[[], None]]:
    """Yield what a new process does before it becomes a program, to be kept to its `folder` and what is `readable`.

    With `memory` it may ask for no more than so many bytes; it leaves no image of its memory behind. None of this
    can be undone by it. What the system lacks is left out.
    """

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if memory:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    version = level()
    if not version:
        yield limit
        return
    kinds = (1 << _KINDS.get(version, _MOST_KINDS)) - 1
    # From 4 on connections over TCP, from 6 on abstract sockets and signals to others.
    handled = struct.pack("=QQQ", kinds, 3, 3)[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = _call(_CREATE, handled, len(handled), 0)
    if ruleset < 0:
        yield limit
        return
    allowed = [(path, _READ) for path in (*_SYSTEM, *_libraries(), *readable)]
    allowed += [(path, _READ_FILE | _WRITE_FILE) for path in _DEVICES]
    allowed += [(folder, kinds & ~(_MAKE_CHAR | _MAKE_BLOCK)), (os.path.dirname(folder), _REMOVE_DIR)]

    def restrict() -> None:
        limit()
        if _prctl(_NO_NEW_PRIVS, 1) or _call(_RESTRICT, ruleset, 0):
            os._exit(126)

    try:
        for path, access in allowed:
            _allow(ruleset, path, access & kinds)
        yield restrict
    finally:
        os.close(ruleset)


def _libraries() -> list[str]:
    """Where the dynamic linker of a server is told to look, and the programs that are elsewhere on some systems."""
    named = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    found = [shutil.which(name) for name in _PROGRAMS]
    return [*filter(os.path.isabs, named), *(os.path.realpath(path) for path in found if path)]


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(path):
            access &= _OF_FILES
        _call(_ADD, ruleset, _PATH_BENEATH, struct.pack("=Qi", access, opened), 0)
    finally:
        os.close(opened)


def _call(number: int, *arguments: int | bytes | None) -> int:
    """A system call by its number."""
    import ctypes

    words = (ctypes.c_size_t(argument) if isinstance(argument, int) else argument for argument in arguments)
    return int(_library().syscall(ctypes.c_long(number), *words))


def _prctl(option: int, value: int) -> int:
    import ctypes

    rest = [ctypes.c_ulong(number) for number in (value, 0, 0, 0)]
    return int(_library().prctl(ctypes.c_int(option), *rest))


@functools.cache
def _library() -> CDLL:
    import ctypes

    return ctypes.CDLL(None, use_errno=True)
