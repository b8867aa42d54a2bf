"""What a release needs, on any machine: the same steps in the workflow and by hand.

    python .ci/release.py check v0.2.0      the tag, pyproject.toml and CHANGELOG.md name one version
    python .ci/release.py notes v0.2.0      what CHANGELOG.md says of it
    python .ci/release.py build             dist/ with a sdist and a wheel, byte for byte the same each time

`build` takes the time from SOURCE_DATE_EPOCH, else from the last commit; further arguments are for `python -m build`.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

#: https://keepachangelog.com/en/1.1.0/
KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
VERSION = re.compile(r"## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d{2}-\d{2})")


def sections(changelog: str) -> dict[str, str]:
    """The text of each version, by "Unreleased" and its number; raises ValueError where the format is another."""
    found: dict[str, str] = {}
    dates: list[str] = []
    numbers: list[tuple[int, ...]] = []
    for part in re.split(r"(?m)^(?=## )", changelog)[1:]:
        heading, _, text = part.partition("\n")
        version = VERSION.fullmatch(heading)
        if heading == "## [Unreleased]" and not found:
            name = "Unreleased"
        elif version:
            name = version[1]
            dates.append(version[2])
            numbers.append(tuple(map(int, name.split("."))))
        else:
            raise ValueError(
                f"CHANGELOG.md: {heading!r} is neither ## [Unreleased], at the top, nor ## [1.2.3] - 2026-01-31"
            )
        kinds = re.findall(r"(?m)^### (.+)$", text)
        strange = [kind for kind in kinds if kind not in KINDS]
        if strange or len(set(kinds)) < len(kinds):
            raise ValueError(f"CHANGELOG.md: under {heading}, ### is one of {', '.join(KINDS)}, each once: {kinds}")
        found[name] = text.strip()
    if "Unreleased" not in found:
        raise ValueError("CHANGELOG.md has no ## [Unreleased] at its top")
    if numbers != sorted(set(numbers), reverse=True) or dates != sorted(dates, reverse=True):
        raise ValueError("CHANGELOG.md: the newest version has to be first, and each there once")
    return found


def check(tag: str, pyproject: str, changelog: str) -> str:
    """What CHANGELOG.md says of the version that `tag` names; raises ValueError unless all name the same one."""
    version = tag.removeprefix("v")
    packaged = tomllib.loads(pyproject)["project"]["version"]
    if tag != f"v{packaged}":
        raise ValueError(f"the tag is {tag}, and pyproject.toml says {packaged}: the tag has to be v{packaged}")
    notes = sections(changelog).get(version, "")
    if not notes:
        raise ValueError(
            f"CHANGELOG.md says nothing of {version}: write ## [{version}] - and the date above what is new"
        )
    return notes


def build(arguments: list[str]) -> None:
    """Make a sdist, the same from the same sources, and from it the wheel."""
    when = os.environ.get("SOURCE_DATE_EPOCH") or _run("git", "log", "-1", "--format=%ct").strip()
    os.environ["SOURCE_DATE_EPOCH"] = when
    dist = Path("dist")
    for old in (*dist.glob("*.tar.gz"), *dist.glob("*.whl")):
        old.unlink()
    _run(sys.executable, "-m", "build", "--sdist", "--outdir", "dist", *arguments)
    [sdist] = dist.glob("*.tar.gz")
    sdist.write_bytes(repacked(sdist.read_bytes(), int(when)))
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(sdist) as archive:
            # Early releases of Python 3.11 know no filters. What is unpacked was packed a moment ago.
            archive.extraction_filter = getattr(tarfile, "data_filter", None)
            archive.extractall(folder)  # noqa: S202
        [unpacked] = Path(folder).iterdir()
        _run(sys.executable, "-m", "build", "--wheel", "--outdir", "dist", *arguments, str(unpacked))
    for made in sorted(dist.iterdir()):
        print(made)


def repacked(sdist: bytes, when: int) -> bytes:
    """The archive with its files in one order, of one time and of nobody: setuptools keeps what the machine has."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(sdist)) as old, tarfile.open(fileobj=plain, mode="w") as new:
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            member.mtime, member.pax_headers = when, {}
            member.uid, member.gid, member.uname, member.gname = 0, 0, "", ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=when) as file:
        file.write(plain.getvalue())
    return packed.getvalue()


def _run(*command: str) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise ValueError(f"`{' '.join(command)}` failed:\n{done.stdout}")
    return done.stdout


def main(arguments: list[str]) -> int:
    """Run one of the commands above; 1 when the release cannot be made so."""
    try:
        match arguments:
            case ["build", *rest]:
                build(rest)
            case ["check" | "notes" as command, tag]:
                notes = check(tag, Path("pyproject.toml").read_text("utf-8"), Path("CHANGELOG.md").read_text("utf-8"))
                print(notes if command == "notes" else f"{tag} is ready")
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
