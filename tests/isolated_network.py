"""Runs commands in a network of its own, where Supabase's host names lead to stand-ins and IPv6 leads nowhere.

`python -m tests.isolated_network`, inside `unshare --net --mount`, reads a JSON object from standard input (see
`Scene`), and prints what each run printed, as JSON.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.loopback import Authority, Routes, http, listening
from tests.migrate_command import environment
from tests.supavisor import Supavisor

REF = "abcdefghijklmnopqrst"
DIRECT = f"db.{REF}.supabase.co"
POOLER = "aws-1-eu-central-1.pooler.supabase.com"
SILENT = "127.0.0.9"
NOWHERE = "2001:db8::5"
_ADDRESSES = {"api.supabase.com": "127.0.0.3", POOLER: "127.0.0.2"}
_COMMANDS = (["unshare", "--net", "--mount"], ["unshare", "--map-root-user", "--net", "--mount"])


def api(reference: str = REF, status: str = "ACTIVE_HEALTHY", **pooler: str) -> dict[str, Any]:
    """What the Management API says of a project, by path; `pooler` are fields that differ from what is usual."""
    primary = {"identifier": reference, "database_type": "PRIMARY", "db_user": f"postgres.{reference}",
               "db_host": POOLER, "db_port": 6543, "db_name": "postgres", "pool_mode": "transaction"}  # fmt: skip
    project = f"/v1/projects/{reference}"
    about = {"ref": reference, "status": status}
    return {project: about, f"{project}/config/database/pooler": [{**primary, **pooler}]}


def command() -> list[str] | None:
    """The command that makes such a network, None where this account may not."""
    return next((made for made in _COMMANDS if _works([*made, "mount", "--bind", "/etc/hosts", "/etc/hosts"])), None)


def _works(tried: list[str]) -> bool:
    try:
        return subprocess.run(tried, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def run(backend: str, password: str, scenes: list[dict[str, Any]], folder: Path) -> list[dict[str, Any]]:
    """Run a command in such a network, once for each scene.

    A scene has the `command`, the `environment`, what the API answers: `api`, by path, and, where it is not one that
    no route leads to, the address of the `direct` host: SILENT accepts connections and never answers. `databases` are
    those of its projects behind the pooler, by their references; a project that is not named there gets the database
    that is asked for. `backend` is the socket of the server behind the pooler. Each result has `code`, `stdout`,
    `stderr`, `users` (who asked the pooler to be let in), `passwords` (how many were sent) and `asked` (of the API).
    """
    made = command()
    assert made
    order = json.dumps({"backend": backend, "password": password, "scenes": scenes, "folder": str(folder)})
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [*made, sys.executable, "-m", "tests.isolated_network"],
        cwd=root, env={**environment(), "PYTHONPATH": str(root)}, input=order, capture_output=True, text=True,
        check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results: list[dict[str, Any]] = json.loads(done.stdout)
    return results


def _main() -> None:
    order = json.load(sys.stdin)
    _bring_up_loopback()
    with tempfile.TemporaryDirectory() as made:
        hosts = Path(made) / "hosts"
        hosts.touch()
        subprocess.run(["mount", "--bind", str(hosts), "/etc/hosts"], check=True)
        authority = Authority(Path(made))
        sys.stdout.write(json.dumps([_scene(order, scene, authority, hosts) for scene in order["scenes"]]))


def _scene(order: dict[str, Any], scene: dict[str, Any], authority: Authority, hosts: Path) -> dict[str, Any]:
    databases = scene.get("databases", {})
    direct = dict.fromkeys(
        (DIRECT, *(f"db.{reference}.supabase.co" for reference in databases)), scene.get("direct", NOWHERE)
    )
    known = {**_ADDRESSES, "localhost": "127.0.0.1", **direct}
    hosts.write_text("".join(f"{address} {name}\n" for name, address in known.items()))
    answers = {path: http(200, json.dumps(value).encode()) for path, value in scene.get("api", {}).items()}
    api = Routes(answers, authority.context("api.supabase.com"))
    pooler = Supavisor(order["backend"], order["password"], authority.context(POOLER), databases=databases)
    with contextlib.ExitStack() as servers:
        servers.enter_context(listening(api, _ADDRESSES["api.supabase.com"], 443))
        servers.enter_context(listening(pooler, _ADDRESSES[POOLER], 5432))
        servers.enter_context(listening(lambda _: time.sleep(60), SILENT, 5432))
        trusted = {"SSL_CERT_FILE": authority.bundle, "SUPABASE_SSL_CERT": authority.bundle}
        done = subprocess.run(
            scene["command"],
            cwd=order["folder"], env=environment(**{**trusted, **scene["environment"]}),
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
    return {"code": done.returncode, "stdout": done.stdout, "stderr": done.stderr, "users": pooler.users,
            "passwords": pooler.passwords, "asked": api.requests}  # fmt: skip


def _bring_up_loopback() -> None:
    get, put, up = 0x8913, 0x8914, 0x1  # SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP of linux/sockios.h
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(any_socket, get, request))[1]
        fcntl.ioctl(any_socket, put, struct.pack("16sH14x", b"lo", flags | up))


if __name__ == "__main__":
    os.environ["LC_ALL"] = "C"
    _main()
