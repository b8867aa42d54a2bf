from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.git import Repository, find_root

if TYPE_CHECKING:
    from pathlib import Path


def git(folder: Path, *arguments: str) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "protocol.file.allow=always"]
    command = ["git", *identity, *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    return root


def commit(folder: Path, message: str = "Change") -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def staged(folder: Path) -> dict[str, bytes]:
    repository = Repository(str(folder))
    blobs = repository.staged()
    contents = repository.read(filter(None, blobs.values()))
    return {path: contents[blob] for path, blob in blobs.items() if blob}


def test_the_root_is_found_from_below_and_in_worktrees(folder: Path, tmp_path: Path) -> None:
    (folder / "a" / "b").mkdir(parents=True)
    assert find_root(str(folder / "a" / "b")) == str(folder)
    commit(folder)
    git(folder, "worktree", "add", "-q", str(tmp_path / "tree"))
    assert find_root(str(tmp_path / "tree")) == str(tmp_path / "tree")


def test_the_index_is_read_before_the_first_commit(folder: Path) -> None:
    put(folder / "m" / "one.sql", "staged\n")
    git(folder, "add", "-A")
    put(folder / "m" / "one.sql", "only in the working tree\n")
    assert staged(folder) == {"m/one.sql": b"staged\n"}


def test_only_what_the_commit_adds_or_changes_is_staged(folder: Path) -> None:
    for name in ("kept", "gone", "old", "touched"):
        put(folder / f"{name}.sql", f"-- {name}\nselect 1, 2, 3, 4, 5;\n")
    commit(folder)
    git(folder, "rm", "-q", "gone.sql")
    git(folder, "mv", "old.sql", "new name ünicode.sql")
    put(folder / "touched.sql", "select 2;\n")
    git(folder, "add", "touched.sql")
    put(folder / "unstaged.sql", "select 3;\n")
    os.symlink("kept.sql", folder / "link.sql")
    git(folder, "add", "link.sql")
    assert set(staged(folder)) == {"new name ünicode.sql", "touched.sql"}


def test_a_commit_of_named_files_has_an_index_of_its_own(folder: Path) -> None:
    """`git commit FILE` leaves out what else is staged; the hook learns of it by GIT_INDEX_FILE alone."""
    put(folder / "one.sql", "1")
    put(folder / "two.sql", "2")
    commit(folder)
    put(folder / "one.sql", "1!")
    put(folder / "two.sql", "2!")
    git(folder, "add", "two.sql")
    hook = folder / ".git" / "hooks" / "pre-commit"
    code = "from elf_sqlcheck.git import *; print(sorted(Repository(find_root('.')).staged()))"
    hook.write_text(f'#!/bin/sh\n"{os.sys.executable}" -c "{code}" > "{folder}.seen"\n')  # type: ignore[attr-defined]
    hook.chmod(0o755)
    git(folder, "commit", "-q", "-m", "One", "one.sql")
    assert folder.with_suffix(".seen").read_text() == "['one.sql']\n"


def test_variables_of_another_repository_are_left_alone(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    put(other / "theirs.sql", "x")
    git(other, "add", "-A")
    put(folder / "ours.sql", "y")
    git(folder, "add", "-A")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    assert set(staged(folder)) == {"ours.sql"}


def test_a_worktree_has_its_own_index(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(folder)
    tree = tmp_path / "tree"
    git(folder, "worktree", "add", "-q", "-b", "side", str(tree))
    put(tree / "side.sql", "x")
    git(tree, "add", "-A")
    monkeypatch.setenv("GIT_INDEX_FILE", git(tree, "rev-parse", "--git-path", "index"))
    assert set(staged(tree)) == {"side.sql"}
    monkeypatch.delenv("GIT_INDEX_FILE")
    assert staged(folder) == {}


def test_the_index_lists_a_folder_without_those_below(folder: Path) -> None:
    put(folder / "m" / "a.sql", "a")
    put(folder / "m" / "deep" / "b.sql", "b")
    put(folder / "top.sql", "c")
    git(folder, "add", "-A")
    repository = Repository(str(folder))
    assert set(repository.index(["m"])) == {"m/a.sql"}
    assert set(repository.index([""])) == {"top.sql"}


def test_blobs_come_whole(folder: Path) -> None:
    contents = {"empty.sql": b"", "lines.sql": b"a\n\nb", "bytes.sql": bytes(range(256)) * 50}
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    git(folder, "-c", "core.autocrlf=false", "add", "-A")
    assert staged(folder) == contents


def test_changed_since_counts_from_where_the_branch_left(folder: Path) -> None:
    put(folder / "a.sql", "a")
    commit(folder)
    git(folder, "checkout", "-q", "-b", "side")
    put(folder / "side.sql", "s")
    commit(folder)
    git(folder, "checkout", "-q", "main")
    put(folder / "later.sql", "l")
    commit(folder)
    git(folder, "checkout", "-q", "side")
    put(folder / "a.sql", "changed, not committed")
    put(folder / "new.sql", "not even tracked")
    assert Repository(str(folder)).changed_since("main") == {"a.sql", "side.sql", "new.sql"}


def test_an_unknown_reference_is_said(folder: Path) -> None:
    commit(folder)
    for reference in ("nowhere", "--output=x"):
        with pytest.raises(UsageError, match="no commit"):
            Repository(str(folder)).changed_since(reference)
    git(folder, "checkout", "-q", "--orphan", "strange")
    commit(folder, "Begin anew")
    with pytest.raises(UsageError, match="common ancestor"):
        Repository(str(folder)).changed_since("main")


def test_the_main_branch_of_origin_goes_first(folder: Path, tmp_path: Path) -> None:
    repository = Repository(str(folder))
    assert repository.main_commit() == ""
    first = commit(folder)
    assert repository.main_commit() == first
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(folder), str(clone))
    put(clone / "x.sql", "x")
    commit(clone)
    assert Repository(str(clone)).main_commit() == first, "what is not pushed is not on the main branch"
    assert Repository(str(clone)).main_commit("main") == first
    git(folder, "branch", "trunk")
    assert repository.main_commit("trunk") == first
    assert repository.main_commit("no-such-branch") == ""


def test_differences_to_the_main_branch(folder: Path) -> None:
    for name in ("same", "edited", "deleted"):
        put(folder / "m" / f"{name}.sql", name)
    main = commit(folder)
    git(folder, "checkout", "-q", "-b", "side")
    put(folder / "m" / "edited.sql", "other")
    (folder / "m" / "deleted.sql").unlink()
    repository = Repository(str(folder))
    assert {(entry.path, entry.deleted) for entry in repository.differences(main, "m", staged=False)} == {
        ("m/edited.sql", False),
        ("m/deleted.sql", True),
    }
    assert repository.differences(main, "m", staged=True) == []
    git(folder, "add", "-A")
    found = repository.differences(main, "m", staged=True)
    assert [repository.read([entry.before])[entry.before] for entry in found] == [b"deleted", b"edited"]
    assert repository.paths_at(main, "m") == ("deleted.sql", "edited.sql", "same.sql")


def test_git_that_fails_or_is_missing_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    with pytest.raises(UsageError, match="not a git repository"):
        Repository(str(tmp_path)).staged()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="git cannot be run"):
        Repository(str(tmp_path)).staged()


def test_git_is_asked_alike_with_and_without_files_in_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder / "a.sql", "SELECT 1;")
    commit(folder)
    repository = Repository(str(folder))

    def answers() -> list[object]:
        blobs = repository.index([""])
        found: list[object] = [blobs, repository.read(blobs.values())]
        with pytest.raises(UsageError) as caught:
            repository.commit("no-such-branch")
        return [*found, str(caught.value)]

    first = answers()
    assert [*repository.read(repository.index([""]).values()).values()] == [b"SELECT 1;"]
    monkeypatch.delattr(os, "memfd_create", raising=False)
    assert answers() == first


def test_git_starts_with_closed_streams_too(folder: Path) -> None:
    put(folder / "a.sql", "SELECT 1;")
    commit(folder)
    code = (
        "import os, sys; from elf_sqlcheck.git import Repository\n"
        "for number in (0, 1, 2): os.close(number)\n"
        f"found = Repository({str(folder)!r}).index([''])\n"
        "os._exit(0 if list(found) == ['a.sql'] else 7)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
