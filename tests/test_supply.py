"""What we depend on: bounded, with the hashes that CI installs, and under licences that go with ours."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from email.message import Message
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests import licences
from tests.pages import ROOT, read

if TYPE_CHECKING:
    from pathlib import Path

LOCKS = ("all", "build", "db", "dev", "embedded")
PROJECT = tomllib.loads(read("pyproject.toml"))["project"]


def locked(name: str) -> dict[str, list[tuple[Version, list[str]]]]:
    """The versions, one for each Python, and the hashes of each package that a file names."""
    found: dict[str, list[tuple[Version, list[str]]]] = {}
    text = read(f".ci/locked/{name}.txt").replace("\\\n", " ")
    for line in text.splitlines():
        pin, *hashes = line.split("--hash=")
        requirement = Requirement(pin)
        [specifier] = requirement.specifier
        assert specifier.operator == "==", line
        found.setdefault(requirement.name, []).append((Version(specifier.version), [one.strip() for one in hashes]))
    return found


def wanted(extra: str) -> list[Requirement]:
    """What is asked for with an extra, with what its own extras ask for."""
    texts = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"][extra]]
    found = []
    for requirement in map(Requirement, texts):
        requirement.name = canonicalize_name(requirement.name)
        if requirement.name == "elf-sqlcheck":
            found += [one for inner in requirement.extras for one in wanted(inner)]
        else:
            found.append(requirement)
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_each_file_has_a_version_and_hashes_for_all_and_names_no_place(name: str) -> None:
    text = read(f".ci/locked/{name}.txt")
    assert not re.search(r"://|--(?:extra-)?index|--find-links|@ |^-e|^/", text, re.MULTILINE)
    pins = locked(name)
    assert pins
    for package, hashes in ((package, hashes) for package, several in pins.items() for _, hashes in several):
        assert hashes, f"{package} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes), package


@pytest.mark.parametrize("extra", [name for name in LOCKS if name != "build"])
def test_each_file_has_what_the_project_asks_for(extra: str) -> None:
    pins = locked(extra)
    for requirement in wanted(extra):
        assert requirement.name in pins, f"`make lock`: {requirement.name} is missing"
        versions = [version for version, _ in pins[requirement.name]]
        assert any(one in requirement.specifier for one in versions), f"`make lock`: {requirement} is bounded otherwise"


def test_what_users_install_is_bounded_on_both_sides() -> None:
    for requirement in wanted("all"):
        operators = {specifier.operator for specifier in requirement.specifier}
        assert operators == {">=", "<"}, requirement


def test_another_file_of_a_dependency_is_not_installed(tmp_path: Path) -> None:
    wheel = tmp_path / "click-8.5.1-py3-none-any.whl"
    wheel.write_bytes(b"not what was locked")
    requirements = tmp_path / "locked.txt"
    requirements.write_text(f"click @ {wheel.as_uri()} --hash={locked('db')['click'][0][1][0]}\n")
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--no-index", "--require-hashes"]
    done = subprocess.run(
        [*command, "--requirement", str(requirements)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode
    assert "DO NOT MATCH" in done.stderr


def test_ci_installs_nothing_without_its_hash() -> None:
    """Except our own package, whose code is there."""
    folder = os.path.join(ROOT, ".github")
    paths = [os.path.join(where, name) for where, _, names in os.walk(folder) for name in names]
    for path in paths:
        text = read(os.path.relpath(path, ROOT))
        for line in re.findall(r".*pip\"? install.*", text):
            assert "--require-hashes" in line or "--no-deps" in line or '"${wanted[@]}"' in line, f"{path}: {line}"
        for line in re.findall(r"run: make .*", text):
            assert line.endswith(" LOCKED=1"), f"{path}: {line}"


def test_every_licence_goes_with_ours_and_is_listed() -> None:
    page = read("docs/licences.md")
    for name, package in licences.closure().items():
        assert licences.licence(package)
        assert f"| {name} | " in page, "python -m tests.licences > docs/licences.md"


class Odd:
    name = "odd"

    def __init__(self, licence: str) -> None:
        self.metadata = Message()
        self.metadata["License-Expression"] = licence


@pytest.mark.parametrize("licence", ["", "LicenseRef-Proprietary", "GPL-2.0-only", "MIT AND SSPL-1.0", "Unlimited"])
def test_a_licence_that_is_not_known_to_be_good_is_seen(licence: str) -> None:
    with pytest.raises(ValueError, match="odd is under"):
        licences.licence(Odd(licence))  # type: ignore[arg-type]
