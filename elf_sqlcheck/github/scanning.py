"""Hands a SARIF file to GitHub's code scanning, and waits until it is taken.

See https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import time
from typing import TYPE_CHECKING

from elf_sqlcheck.errors import ApiFailed, UsageError
from elf_sqlcheck.github.api import NotReported

if TYPE_CHECKING:
    from elf_sqlcheck.github.api import GitHub
    from elf_sqlcheck.github.job import Job

#: What GitHub takes, compressed.
_LARGEST = 10 * 1024 * 1024
_PAUSES = (1.0, 2.0, 5.0)  # seconds; the last one again and again


def place(job: Job, checked_out: str) -> tuple[str, str]:
    """The commit and the ref that the findings belong to; `checked_out` is HEAD, "" when it is not known.

    The job of a pull request has the merge of both branches checked out, unless its workflow asked for the head: the
    lines are then those of another commit, and GitHub wants to know which. Raises UsageError when nothing tells it.
    """
    pull_request, head = job.pull_request, job.head
    if pull_request and head and checked_out == head and job.sha != head:
        return head, f"refs/pull/{pull_request}/head"
    if not re.fullmatch(r"[0-9a-f]{40}", job.sha) or not re.fullmatch(r"refs/(heads|tags|pull)/.+", job.ref):
        raise UsageError(
            "GITHUB_SHA and GITHUB_REF do not tell which commit the findings belong to",
            "GitHub Actions sets them; elsewhere give --sha with 40 hexadecimal digits and --ref with refs/heads/…",
        )
    return job.sha, job.ref


def read(path: str) -> bytes:
    """The bytes of a SARIF file. Raises UsageError when it is none."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}", "write it before: `elf-sqlcheck lint --output sarif:FILE`"
        ) from error
    try:
        is_sarif = "runs" in json.loads(data)
    except (ValueError, RecursionError, TypeError):
        is_sarif = False
    if not is_sarif:
        raise UsageError(f"{path} is no SARIF file", "write one: `elf-sqlcheck lint --output sarif:FILE`")
    return data


def upload(github: GitHub, data: bytes, sha: str, ref: str, wait: float) -> str:
    """Hand the file over, and wait at most so many seconds until GitHub has taken it; returns its identifier.

    Raises:
        NotReported: GitHub does not let the token do it, or takes longer.
        ApiFailed: GitHub finds the file wrong.
    """
    packed = gzip.compress(data, mtime=0)
    if len(packed) > _LARGEST:
        raise UsageError(
            f"the SARIF file has {len(packed) // 1_048_576} MiB compressed, and GitHub takes 10",
            "judge fewer files: `--since` the base of the pull request, or a baseline",
        )
    sarif = base64.b64encode(packed).decode()
    identifier = github.send_sarif({"commit_sha": sha, "ref": ref, "sarif": sarif, "tool_name": "elf-sqlcheck"})
    deadline = time.monotonic() + wait
    pauses = list(_PAUSES)
    while time.monotonic() < deadline:
        state, errors = github.sarif_state(identifier)
        if state == "complete":
            return identifier
        if state == "failed":
            raise ApiFailed(
                f"GitHub refuses the SARIF file: {'; '.join(errors) or 'it does not say why'}.",
                "Please report it, with the file: elf-sqlcheck wrote something that it must not.",
            )
        time.sleep(pauses.pop(0) if len(pauses) > 1 else pauses[0])
    raise NotReported(
        f"GitHub has the SARIF file, and was not done with it after {wait:.0f} seconds.",
        "It goes on by itself; --wait 600 waits longer.",
    )
