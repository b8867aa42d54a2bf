"""Targets that read data: configuration, squawk's, baselines, and what the APIs of Supabase and GitHub answer."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING
from unittest import mock

from elf_sqlcheck import baseline, config, registry, squawk
from elf_sqlcheck.errors import ElfError, UsageError
from elf_sqlcheck.github.api import GitHub
from elf_sqlcheck.github.job import Job
from elf_sqlcheck.shared.https import Answer, Https
from elf_sqlcheck.shared.supabase_api import SupabaseApi
from elf_sqlcheck.toml import read_plain

if TYPE_CHECKING:
    from collections.abc import Sequence


class _OnDisk:
    """A file in a folder of its own, which goes with the process."""

    def __init__(self, name: str) -> None:
        folder = tempfile.mkdtemp()
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        self.path = os.path.join(folder, name)

    def put(self, data: bytes) -> None:
        with open(self.path, "wb") as file:
            file.write(data)


class Configuration(_OnDisk):
    """elf-sqlcheck.toml, or pyproject.toml where the input has a table for tools."""

    def __init__(self) -> None:
        super().__init__("elf-sqlcheck.toml")
        self._project = os.path.join(os.path.dirname(self.path), "pyproject.toml")

    def seeds(self) -> Sequence[bytes]:
        """Keys of all kinds."""
        return [
            b'fail-on = "warning"\nignore = ["naming"]\nhooks = []\n[table-sizes]\norders = 250_000\n"b.i" = "12M"\n',
            b'dir = "migrations"\nlock-timeout = "5s"\n[env.production]\nprotected = false\n',
            b'[tool.elf-sqlcheck]\nselect = ["all"]\n[tool.elf-sqlcheck.env.x]\ndir = "m"\n[tool.ruff]\n',
            b'[per-file-ignores]\n"a/**" = ["all"]\n[severity]\nchar-type = "note"\n[teams]\nx = ["y"]\n',
            *(f"{entry} = 1\n".encode() for entry in ("select", "profile", "postgres-version", "exposed-schemas")),
        ]

    def run(self, data: bytes) -> None:
        """Load it: a configuration or a ConfigError."""
        with suppress(UnicodeDecodeError):
            read_plain(data.decode())
        if b"[tool" in data:
            with open(self._project, "wb") as file:
                file.write(data)
            with suppress(ElfError):
                config.load(os.path.dirname(self.path), self._project)
        self.put(data)
        config.load(os.path.dirname(self.path), self.path)


class Squawk(_OnDisk):
    """The configuration of squawk, as it is imported; what comes out is TOML of ours."""

    def __init__(self) -> None:
        super().__init__(".squawk.toml")
        self._rules = registry.builtin()

    def seeds(self) -> Sequence[bytes]:
        """All the keys that squawk has."""
        return [
            b'pg_version = "13.1"\nexcluded_rules = ["ban-char-field", "x"]\nexcluded_paths = ["a/*"]\n',
            b"assume_in_transaction = true\n[upload_to_github]\nfail_on_violations = true\n",
        ]

    def run(self, data: bytes) -> None:
        """Read and convert."""
        self.put(data)
        squawk_table = squawk.read(self.path)
        import tomllib

        tomllib.loads(squawk.convert(squawk_table, self._rules, ".squawk.toml"))


class Baselines:
    """Baselines: one that is read, or a UsageError."""

    def seeds(self) -> Sequence[bytes]:
        """A whole one, and what is none."""
        entry = {"path": "a.sql", "rule": "char-type", "statement": "0" * 16, "count": 1}
        whole = {"version": baseline.VERSION, "findings": [entry, {**entry, "path": "b.sql"}]}
        return [json.dumps(whole).encode(), b"{}", b"[" * 5000, b'{"version": 1, "findings": [null]}']

    def run(self, data: bytes) -> None:
        """Load it."""
        try:
            baseline.load("baseline.json", data)
        except UsageError as error:
            if not error.message.isprintable():
                raise ValueError("a control character in a message") from error


class Api:
    """The answers of the Management API of Supabase and of GitHub, right behind the socket."""

    def seeds(self) -> Sequence[bytes]:
        """An answer to each question; the first three bytes are the status."""
        pooler = [{"database_type": "PRIMARY", "db_host": "h", "db_port": 1, "db_user": "u", "db_name": "d",
                   "pool_mode": "session"}]  # fmt: skip
        bodies: list[object] = [
            {"status": "ACTIVE_HEALTHY"}, pooler, {"banned_ipv4_addresses": ["1.2.3.4"]}, {"message": "no"}, None,
            [{"id": 1, "body": "x", "user": {"login": "a"}}], {"data": {"viewer": {"login": "a"}}},
            {"processing_status": "failed", "errors": ["x"]}, {"id": "x"},
        ]  # fmt: skip
        return [status + json.dumps(body).encode() for status in (b"200", b"201", b"403", b"500") for body in bodies]

    def run(self, data: bytes) -> None:
        """Ask everything, and get the input each time."""
        status = int(data[:3]) if data[:3].isdigit() else 200
        answer = Answer(status, data[3:], location=data[3:40].decode("latin-1"))
        with mock.patch.object(Https, "fetch", side_effect=lambda *_, **__: answer):
            ours = SupabaseApi("sbp_x", "http://127.0.0.1:1")
            for ask in (ours.status, ours.pooler, ours.banned_addresses):
                with suppress(ElfError):
                    ask("abc")
            theirs = GitHub(Job("x", "a/b", "http://127.0.0.1:1", "http://127.0.0.1:1"))
            for question in (
                theirs.login, lambda: theirs.sarif_state("x"), lambda: theirs.send_sarif({}),
                lambda: theirs.comment(1, "x"), lambda: next(theirs.comments(1), None),
            ):  # fmt: skip
                with suppress(ElfError):
                    question()
