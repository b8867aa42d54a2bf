"""The layout of sqitch: deploy/name.sql and revert/name.sql, in the order of sqitch.plan.

psql runs the files, each statement by itself outside of the BEGIN and COMMIT that they carry. The versions are the
plan's own timestamps, put off by a second where a line is not later than the one above it: what counts is the order.
https://sqitch.org/docs/manual/sqitch-plan/
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta

from elf_sqlcheck.later import later
from elf_sqlcheck.layouts.building import MARKING, stray, two_files
from elf_sqlcheck.model import Migration, Problem, Section, Span
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from elf_sqlcheck.layouts.building import File

NAME = "sqitch"
PLAN = "sqitch.plan"
#: The folders of scripts that change a database; those in verify/ only look.
FOLDERS = ("deploy", "revert")
_CHANGE = later(
    r"\+?[ \t]*(?P<name>[^\s\[@#%+-][^\s\[@]*)"
    r"(?:[ \t]+\[(?P<needs>[^\]]*)\])?"
    r"(?:[ \t]+(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ))?(?:[ \t].*)?\Z"
)
_TAG = later(r"@(\S+)")
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Change(Record):
    """A line of the plan: `script` is the name of its files, `needs` the names of the changes that it requires."""

    name: str
    script: str
    version: str
    needs: tuple[str, ...]
    span: Span


def read_all(files: Mapping[str, bytes]) -> list[Migration]:
    """Read a project, given by its plan and its scripts; without a plan all scripts are strays."""
    plan = next((path for path in files if os.path.basename(path) == PLAN), "")
    root = os.path.dirname(plan)
    scripts = {
        folder: {
            os.path.relpath(path, os.path.join(root, folder)).replace(os.sep, "/").removesuffix(".sql"): (path, data)
            for path, data in files.items()
            if path.startswith(os.path.join(root, folder) + os.sep)
        }
        for folder in FOLDERS
    }
    problems: list[Problem] = []
    changes = _plan(files.get(plan, b""), scripts["deploy"], problems)
    found: list[Migration] = []
    names: dict[str, str] = {}
    for change in changes:
        deploy = scripts["deploy"].pop(change.script, None)
        revert = scripts["revert"].pop(change.script, None)
        full = f"{change.version}_{change.script}"
        if deploy is None:
            message = f"the plan names {change.script}, and there is no deploy/{change.script}.sql"
            problems.append(Problem(MARKING, message, change.span, "add the file, or take the line out"))
        else:
            needs = tuple(names.get(need.partition("@")[0], need) for need in change.needs)
            found.append(two_files(NAME, change.version, change.script, deploy, revert, _by_psql, dependencies=needs))
        names[change.name] = full
    for folder, left in scripts.items():
        found += [_unplanned(folder, name, file) for name, file in left.items()]
    if problems:
        up = Section("up", Span(0, 0))
        found.append(Migration(plan, files[plan], layout=NAME, version="", slug=PLAN, up=up, problems=tuple(problems)))
    return found


def _by_psql(section: Section, file: File) -> Section:
    del file
    return section.replace(transactional=False)


def _plan(data: bytes, deploy: Container[str], problems: list[Problem]) -> list[Change]:
    """The changes of a plan, in its order.

    One that is there twice was reworked: the former's script carries a tag that stands between the two, that for which
    there is a file. https://sqitch.org/docs/manual/sqitch-rework/
    """
    lines: list[tuple[re.Match[str], Span]] = []
    scripts: list[str] = []
    latest: dict[str, int] = {}
    tags: list[tuple[int, str]] = []
    position = 0
    for raw in data.split(b"\n"):
        text = raw.decode("utf-8", "replace").strip()
        span = Span(position, position + len(raw.rstrip()))
        position += len(raw) + 1
        tag, change = _TAG.match(text), _CHANGE.match(text)
        if tag:
            tags.append((len(lines), tag[1]))
        elif change:
            before = latest.get(change["name"])
            if before is not None:
                since = [f"{change['name']}@{name}" for number, name in tags if number > before]
                scripts[before] = next((name for name in since if name in deploy), (since or [change["name"]])[0])
            latest[change["name"]] = len(lines)
            lines.append((change, span))
            scripts.append(change["name"])
        elif text and text[0] not in "%#":
            problems.append(Problem(MARKING, f"this line of the plan is no change and no tag: {text[:60]}", span))
    found: list[Change] = []
    moment = _EPOCH
    for (line, span), script in zip(lines, scripts, strict=True):
        planned = datetime.fromisoformat(line["time"]) if line["time"] else _EPOCH
        moment = max(planned, moment + timedelta(seconds=1))
        # `!name` is a conflict, and `project:name` a change of another project.
        needs = tuple(need for need in (line["needs"] or "").split() if need[0] != "!" and ":" not in need)
        found.append(Change(line["name"], script, moment.strftime("%Y%m%d%H%M%S"), needs, span))
    return found


def _unplanned(folder: str, name: str, file: File) -> Migration:
    message = f"sqitch never runs {folder}/{name}.sql: {PLAN} does not name {name}"
    return stray(NAME, file[0], file[1], message, f"sqitch add {name}")
