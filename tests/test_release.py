"""The script of the release: one version everywhere, and a changelog that can be read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CHANGELOG = """\
# Changelog

## [Unreleased]

## [1.1.0] - 2026-02-01

### Added

- More.

### Fixed

- Less.

## [1.0.0] - 2026-01-31

### Added

- All of it.
"""
READY = "### Added\n\n- More.\n\n### Fixed\n\n- Less.\n"


def release(folder: Path, *arguments: str, version: str = "1.1.0", changelog: str = CHANGELOG) -> tuple[int, str]:
    (folder / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n', "utf-8")
    (folder / "CHANGELOG.md").write_text(changelog, "utf-8")
    done = subprocess.run(
        [sys.executable, os.path.join(ROOT, ".ci", "release.py"), *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def test_the_notes_of_a_release_are_those_of_its_version(tmp_path: Path) -> None:
    assert release(tmp_path, "notes", "v1.1.0") == (0, READY)
    assert release(tmp_path, "check", "v1.1.0") == (0, "v1.1.0 is ready\n")


@pytest.mark.parametrize(
    ("tag", "version", "changelog", "said"),
    [
        ("v1.1.0", "1.2.0", CHANGELOG, "the tag has to be v1.2.0"),
        ("1.1.0", "1.1.0", CHANGELOG, "the tag has to be v1.1.0"),
        ("v1.2.0", "1.2.0", CHANGELOG, "says nothing of 1.2.0"),
        ("v1.1.0", "1.1.0", CHANGELOG.replace(READY, ""), "nothing of 1.1.0"),
        ("v1.1.0", "1.1.0", CHANGELOG.replace("### Fixed", "### Mended"), "### is one of Added"),
        ("v1.1.0", "1.1.0", CHANGELOG.replace("### Fixed", "### Added"), "each once"),
        ("v1.1.0", "1.1.0", CHANGELOG.replace("## [Unreleased]", ""), "no ## [Unreleased]"),
        ("v1.1.0", "1.1.0", CHANGELOG.replace("2026-02-01", "Feb 1"), "is neither ##"),
        ("v1.1.0", "1.1.0", CHANGELOG.replace("1.0.0", "1.1.1"), "the newest version has to be first"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_not_released(
    tmp_path: Path, tag: str, version: str, changelog: str, said: str
) -> None:
    code, told = release(tmp_path, "check", tag, version=version, changelog=changelog)
    assert code == 1
    assert said in told


def test_our_own_changelog_can_be_released(tmp_path: Path) -> None:
    """As it is on the day of a release: what is new under the heading of the version."""
    with open(os.path.join(ROOT, "CHANGELOG.md"), encoding="utf-8") as file:
        ours = file.read()
    dated = ours.replace("## [Unreleased]", "## [Unreleased]\n\n## [99.0.0] - 2099-01-01", 1)
    assert release(tmp_path, "check", "v99.0.0", version="99.0.0", changelog=dated)[0] == 0
    with open(os.path.join(ROOT, "pyproject.toml"), encoding="utf-8") as file:
        assert re.search(r'(?m)^version = "\d+\.\d+\.\d+"$', file.read())


def test_the_container_file_is_sound() -> None:
    hadolint = os.path.join(os.path.dirname(sys.executable), "hadolint")
    done = subprocess.run([hadolint, "Containerfile"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with open(os.path.join(ROOT, "Containerfile"), encoding="utf-8") as file:
        users = re.findall(r"(?m)^USER (.+)$", file.read())
    assert users
    assert users[-1] not in {"root", "0"}
