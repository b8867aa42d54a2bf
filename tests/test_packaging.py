"""The built wheel and sdist hold what they must, and nothing that would get in a user's way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCES = ("elf_sqlcheck", "rules", "pyproject.toml", "README.md", "LICENSE")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("packaging")]


def files_in(package: str, *suffixes: str) -> set[str]:
    """The names of the files of one package folder of this checkout."""
    return {name for name in os.listdir(os.path.join(ROOT, package)) if name.endswith(suffixes)}


def run(*arguments: str, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": ""}
    result = subprocess.run(arguments, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert not check or result.returncode == 0, f"{arguments}:\n{result.stdout}\n{result.stderr}"
    return result


def copied(copy: Path) -> Path:
    """A copy of what is packed."""
    for name in SOURCES:
        origin = os.path.join(ROOT, name)
        if os.path.isdir(origin):
            shutil.copytree(origin, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(origin, copy / name)
    return copy


def built(sources: Path) -> Path:
    """The folder with a sdist and a wheel, made as releases make them."""
    environment = {**os.environ, "PYTHONPATH": "", "SOURCE_DATE_EPOCH": "1760000000"}
    command = [sys.executable, os.path.join(ROOT, ".ci", "release.py"), "build", "--no-isolation"]
    done = subprocess.run(command, cwd=sources, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return sources / "dist"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is built beside a stale `build/` from a time when there was one more rule."""
    copy = copied(tmp_path_factory.mktemp("sources"))
    stale = copy / "build" / "lib" / "elf_sqlcheck" / "rules"
    stale.mkdir(parents=True)
    (stale / "deleted_rule.py").write_text("RULES = ()\n", "utf-8")
    return built(copy)


@pytest.fixture(scope="module")
def sdist(dist: Path) -> Path:
    """The sdist of this checkout."""
    [made] = dist.glob("*.tar.gz")
    return made


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    """The wheel that is built from the sdist: nothing but what the sdist holds can get in."""
    [made] = dist.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def packed(wheel: Path) -> list[str]:
    """The paths inside the wheel."""
    return zipfile.ZipFile(wheel).namelist()


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of a clean virtual environment into which the wheel was installed."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=True, symlinks=True)
    interpreter = str(folder / "bin" / "python")
    run(interpreter, "-m", "pip", "install", "--quiet", "--no-compile", f"{wheel}[db]", cwd=folder)
    return interpreter


def test_packages_are_sound(dist: Path, wheel: Path) -> None:
    programs = os.path.dirname(sys.executable)
    files = sorted(str(path) for path in dist.iterdir())
    assert len(files) == 2
    run(os.path.join(programs, "twine"), "check", "--strict", *files, cwd=dist)
    run(os.path.join(programs, "check-wheel-contents"), str(wheel), cwd=dist)


def test_the_same_sources_make_the_same_packages(dist: Path, tmp_path: Path) -> None:
    copy = copied(tmp_path)
    for folder, _, names in os.walk(copy):
        for name in names:
            path = os.path.join(folder, name)
            os.utime(path, (1_700_000_000, 1_700_000_000))
            os.chmod(path, 0o600)
    again = built(copy)
    assert {p.name: p.read_bytes() for p in again.iterdir()} == {p.name: p.read_bytes() for p in dist.iterdir()}


def test_every_rule_file_is_in_the_wheel_and_no_other(packed: list[str]) -> None:
    inside = {os.path.basename(path) for path in packed if path.startswith("elf_sqlcheck/rules/")}
    assert inside == files_in("rules", ".py")


def test_every_package_of_the_checkout_is_in_the_wheel(packed: list[str]) -> None:
    modules = {
        os.path.relpath(os.path.join(folder, name), ROOT)
        for folder, _, names in os.walk(os.path.join(ROOT, "elf_sqlcheck"))
        for name in names
        if name.endswith(".py")
    }
    assert modules <= set(packed)


def test_data_files_are_in_the_wheel(packed: list[str]) -> None:
    extensions = files_in("elf_sqlcheck/postgres/extensions", ".control", ".sql")
    assert {f"elf_sqlcheck/postgres/extensions/{name}" for name in extensions} <= set(packed)
    reports = files_in("elf_sqlcheck/reports/html", ".css", ".js")
    assert len(reports) == 2
    assert {f"elf_sqlcheck/reports/html/{name}" for name in reports} <= set(packed)
    schemas = {f"elf_sqlcheck/reports/{name}" for name in ("report.schema.json", "events.schema.json")}
    others = {"py.typed", "config.schema.json", "style/sqlfluff.cfg"}
    assert {*(f"elf_sqlcheck/{name}" for name in others), *schemas} <= set(packed)


def test_the_wheel_claims_one_name_at_the_top_level(packed: list[str]) -> None:
    tops = {path.split("/")[0] for path in packed}
    assert {name for name in tops if not name.endswith(".dist-info")} == {"elf_sqlcheck"}


def test_the_licence_travels_along(packed: list[str]) -> None:
    assert any(path.endswith("/LICENSE") for path in packed)


def test_a_stale_build_folder_revives_no_rule(packed: list[str], sdist: Path) -> None:
    assert not [path for path in packed if "deleted_rule" in path]
    with tarfile.open(sdist) as archive:
        assert not [path for path in archive.getnames() if "deleted_rule" in path]


@pytest.mark.parametrize("module", ["rules", "tests", "bench", "migrations"])
def test_names_that_users_may_have_themselves_stay_free(python: str, module: str, tmp_path: Path) -> None:
    result = run(python, "-c", f"import {module}", cwd=tmp_path, check=False)
    assert f"No module named '{module}'" in result.stderr


@pytest.mark.parametrize("command", ["elf-sqlcheck", "elf-migrate"])
def test_the_installed_commands_run(python: str, command: str, tmp_path: Path) -> None:
    installed = os.path.join(os.path.dirname(python), command)
    assert "Usage:" in run(installed, "--help", cwd=tmp_path).stdout
    assert run(installed, "--version", cwd=tmp_path).stdout.startswith(f"{command} 0.1.0\n")


def test_the_installed_command_knows_every_rule(python: str, tmp_path: Path) -> None:
    from elf_sqlcheck.registry import load

    listed = run(os.path.join(os.path.dirname(python), "elf-sqlcheck"), "rules", cwd=tmp_path).stdout.split()
    rules = {rule.name for rule in load()}
    assert rules
    assert rules <= set(listed)


def test_an_old_project_is_adopted_with_what_the_wheel_holds(python: str, tmp_path: Path) -> None:
    """The commands of the first day, without any of the optional libraries."""
    command = os.path.join(os.path.dirname(python), "elf-sqlcheck")
    (tmp_path / ".squawk.toml").write_text('excluded_rules = ["prefer-identity"]\n')
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "20250101_000000_a.sql").write_text("CREATE TABLE tmp_a (p money, c CHAR(3));\n")
    run(command, "config", "import", "squawk", "--write", cwd=tmp_path)
    run(command, "rules", "new", "temporary-table", "--write-config", cwd=tmp_path)
    run(command, "lint", "--select", "money-type", "--add-suppressions", "--reason", "as agreed", cwd=tmp_path)
    run(command, "baseline", cwd=tmp_path)
    done = run(command, "lint", "--fail-on", "note", cwd=tmp_path)
    assert "not shown" in done.stderr
    assert "temporary-table" in (tmp_path / ".elf-sqlcheck-baseline.json").read_text()
