"""Plain hooks, written by `elf-sqlcheck hook install` and run by the real git in real commits and pushes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from elf_sqlcheck import git_hook
from tests.forks import OF_PYTHON, run
from tests.migrate_files import GOOD, MIGRATION

if TYPE_CHECKING:
    from pathlib import Path

BIN = os.path.dirname(sys.executable)
COMMAND = os.path.join(BIN, "elf-sqlcheck")
#: What a program that is started from a window finds on its PATH.
THIN = "/usr/bin:/bin"
BAD = GOOD.replace("name TEXT", "name CHAR(20)")


class Project:
    """A repository, with the variables of somebody who has configured nothing."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root = root
        home.mkdir(exist_ok=True)
        self.variables = {
            **{name: value for name, value in os.environ.items() if name.startswith(OF_PYTHON)},
            "HOME": str(home),
            "PATH": THIN,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ada",
            "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "Ada",
            "GIT_COMMITTER_EMAIL": "ada@example.org",
        }

    def at(self, root: Path) -> Project:
        """The same person in another working tree."""
        other = Project(root, self.root.parent / "home")
        other.variables = self.variables
        return other

    def put(self, path: str, text: str) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8", newline="")
        return target

    def git(self, *arguments: str, cwd: str = "", ok: bool = True) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.root / cwd,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) is ok, done.stdout
        return done.stdout.strip()

    def stage(self, path: str, text: str) -> None:
        self.put(path, text)
        self.git("add", path)

    def blocked(self, *arguments: str, cwd: str = "") -> str:
        """Commit, which must fail; returns what was said."""
        return self.git("commit", "-m", "Change", *arguments, cwd=cwd, ok=False)

    def commit(self, *arguments: str, cwd: str = "") -> str:
        return self.git("commit", "-m", "Change", *arguments, cwd=cwd)

    def hook(self, *arguments: str, cwd: str = "", code: int = 0) -> str:
        done = run("elf-sqlcheck", "hook", *arguments, folder=self.root / cwd, variables=self.variables)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "a project", tmp_path / "home")
    made.root.mkdir()
    made.git("init", "-q", "-b", "main")
    return made


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_the_very_first_commit_is_blocked_and_the_mended_one_passes(project: Project) -> None:
    assert project.hook("install") == "Wrote .git/hooks/pre-commit\n"
    project.stage(MIGRATION, BAD)
    project.put(MIGRATION, GOOD)
    assert "char-type" in project.blocked()
    project.git("add", MIGRATION)
    assert "nothing found" in project.commit()


def test_it_is_written_once_and_taken_away_whole(project: Project) -> None:
    before = sorted(os.listdir(project.root / ".git" / "hooks"))
    project.hook("install")
    text = (project.root / ".git/hooks/pre-commit").read_text()
    assert project.hook("install") == ".git/hooks/pre-commit is installed already\n"
    assert (project.root / ".git/hooks/pre-commit").read_text() == text
    assert project.hook("uninstall") == "Removed .git/hooks/pre-commit\n"
    assert sorted(os.listdir(project.root / ".git" / "hooks")) == before
    assert "there is none" in project.hook("uninstall", code=2)


def test_a_dry_run_only_says_it(project: Project) -> None:
    script(project.root / ".git/hooks/pre-commit", "#!/bin/sh\n")
    before = sorted(os.listdir(project.root / ".git" / "hooks"))
    said = project.hook("install", "--dry-run")
    assert said == (
        "Would write .git/hooks/pre-commit\n"
        "Would keep the hook that is there as pre-commit.before-elf-sqlcheck: it runs first\n"
    )
    assert sorted(os.listdir(project.root / ".git" / "hooks")) == before


def test_the_hook_that_was_there_runs_first_and_is_put_back(project: Project) -> None:
    old = script(project.root / ".git/hooks/pre-commit", '#!/bin/sh\necho "old hook $#"\ntest ! -e forbidden\n')
    said = project.hook("install")
    assert "Kept the hook that is there as pre-commit.before-elf-sqlcheck: it runs first" in said
    project.stage(MIGRATION, BAD)
    told = project.blocked()
    assert told.index("old hook 0") < told.index("char-type")
    project.put("forbidden", "")
    told = project.blocked()
    assert "char-type" not in told
    os.remove(project.root / "forbidden")
    assert project.hook("install") == ".git/hooks/pre-commit is installed already\n"
    said = project.hook("uninstall")
    assert said == "Removed .git/hooks/pre-commit\nPut back the hook that was there before\n"
    assert old.read_text().endswith("forbidden\n")
    assert "old hook" in project.commit()


def test_a_hook_that_git_would_not_run_is_kept_and_not_run(project: Project) -> None:
    old = script(project.root / ".git/hooks/pre-commit", "#!/bin/sh\nexit 1\n")
    old.chmod(0o644)
    project.hook("install")
    project.stage(MIGRATION, GOOD)
    project.commit()
    project.hook("uninstall")
    assert not os.access(old, os.X_OK)


def test_a_link_to_a_hook_elsewhere_stays_a_link(project: Project) -> None:
    script(project.root / "tools/check", "#!/bin/sh\necho linked\n")
    link = project.root / ".git/hooks/pre-commit"
    link.symlink_to("../../tools/check")
    project.hook("install")
    project.stage(MIGRATION, GOOD)
    assert "linked" in project.commit()
    project.hook("uninstall")
    assert os.readlink(link) == "../../tools/check"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('#!/bin/sh\n. "$(dirname "$0")/$(basename "$0").d"\n', "ask for its own name"),
        ("#!/bin/sh\nexec run-hooks ${0##*/}\n", "ask for its own name"),
    ],
)
def test_a_hook_that_asks_for_its_own_name_is_not_renamed(project: Project, text: str, says: str) -> None:
    old = script(project.root / ".git/hooks/pre-commit", text)
    said = project.hook("install", code=2)
    assert says in said
    assert "elf-sqlcheck lint --staged || exit" in said
    assert old.read_text() == text


def test_what_others_wrote_or_changed_is_left_alone(project: Project) -> None:
    hook = project.root / ".git/hooks/pre-commit"
    script(hook, "#!/bin/sh\nexit 0\n")
    assert "written by somebody else" in project.hook("uninstall", code=2)
    os.remove(hook)
    project.hook("install")
    hook.write_text(hook.read_text() + "echo mine\n")
    for command in ("install", "uninstall"):
        assert "was changed since" in project.hook(command, code=2)
    assert hook.read_text().endswith("echo mine\n")


def test_a_hook_that_replaced_ours_is_not_kept_over_the_one_kept_before(project: Project) -> None:
    hook = script(project.root / ".git/hooks/pre-commit", "#!/bin/sh\necho first\n")
    project.hook("install")
    script(hook, "#!/bin/sh\necho second\n")
    assert "delete the other" in project.hook("install", code=2)
    assert hook.read_text().endswith("second\n")
    assert "first" in (hook.parent / f"pre-commit{git_hook.KEPT}").read_text()


@pytest.mark.parametrize("where", ["relative", "absolute", "home"])
def test_core_hooks_path_is_honoured(project: Project, tmp_path: Path, where: str) -> None:
    folder, configured = {
        "relative": (project.root / "tools/hooks", "tools/hooks"),
        "absolute": (tmp_path / "my hooks", str(tmp_path / "my hooks")),
        "home": (tmp_path / "home" / "hooks", "~/hooks"),
    }[where]
    project.git("config", "core.hooksPath", configured)
    project.put("deep/down/x", "")
    project.hook("install", cwd="deep/down")
    assert os.listdir(folder) == ["pre-commit"]
    project.stage(MIGRATION, BAD)
    assert "char-type" in project.blocked(cwd="deep/down")
    project.hook("uninstall", cwd="deep/down")
    assert os.listdir(folder) == []


def test_hooks_of_all_repositories_are_written_only_when_asked_for(project: Project) -> None:
    project.git("config", "--global", "core.hooksPath", "~/hooks")
    assert "hooks of all your repositories" in project.hook("install", code=2)
    project.hook("install", "--shared")
    project.stage(MIGRATION, BAD)
    assert "char-type" in project.blocked()


def test_hooks_that_are_switched_off_or_husky_s_are_told(project: Project) -> None:
    project.git("config", "core.hooksPath", "/dev/null")
    assert "hooks are switched off here" in project.hook("install", code=2)
    project.git("config", "core.hooksPath", ".husky/_")
    assert "to .husky/pre-commit" in project.hook("install", code=2)
    assert "this is none" in project.at(project.root.parent).hook("install", code=2)


def test_worktrees_and_submodules_have_their_hooks_where_git_looks(project: Project, tmp_path: Path) -> None:
    project.commit("--allow-empty")
    project.git("worktree", "add", "-q", str(tmp_path / "tree"), "-b", "other")
    tree = project.at(tmp_path / "tree")
    tree.hook("install")
    assert (project.root / ".git/hooks/pre-commit").exists()
    tree.stage(MIGRATION, BAD)
    assert "char-type" in tree.blocked()
    assert "char-type" in tree.blocked("--all")
    project.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(project.root), "sub")
    inner = project.at(project.root / "sub")
    inner.hook("install")
    assert (project.root / ".git/modules/sub/hooks/pre-commit").exists()
    inner.stage(MIGRATION, BAD)
    assert "char-type" in inner.blocked()


def test_commits_with_an_index_of_their_own_are_judged_by_it(project: Project, tmp_path: Path) -> None:
    project.stage(MIGRATION, GOOD)
    project.stage("notes", "")
    project.commit()
    project.hook("install")
    project.put(MIGRATION, BAD)
    assert "char-type" in project.blocked("--all")
    assert "char-type" in project.blocked("--", "20250121_093000_add_teams.sql", cwd="migrations")
    project.stage("notes", "changed")
    project.commit("--", "notes")
    project.git("add", MIGRATION)
    project.put("notes", "changed again")
    project.commit("--", "notes")
    project.git("--literal-pathspecs", "commit", "-m", "Change", ok=False)
    project.variables["GIT_INDEX_FILE"] = str(tmp_path / "elsewhere")
    project.git("read-tree", "HEAD")
    project.git("update-index", "--add", MIGRATION)
    del project.variables["GIT_INDEX_FILE"]
    project.git("reset", "-q")
    project.variables["GIT_INDEX_FILE"] = str(tmp_path / "elsewhere")
    assert "char-type" in project.blocked()


def test_merges_and_rebases_are_judged(project: Project) -> None:
    project.commit("--allow-empty")
    project.git("checkout", "-q", "-b", "side")
    project.stage(MIGRATION, BAD)
    project.commit()
    project.git("checkout", "-q", "main")
    project.stage(MIGRATION, GOOD)
    project.commit()
    project.hook("install", "--type", "pre-commit", "--type", "pre-merge-commit")
    project.git("merge", "side", ok=False)
    project.stage(MIGRATION, BAD)
    assert "char-type" in project.blocked()
    project.stage(MIGRATION, GOOD)
    project.commit()
    project.git("checkout", "-q", "-b", "third", "HEAD~1")
    second = MIGRATION.replace("0930", "0940").replace("teams", "clubs")
    project.stage(second, BAD.replace("093000", "094000").replace("teams", "clubs"))
    project.commit("--no-verify")
    project.stage("notes", "")
    project.commit("--no-verify")
    project.git("checkout", "-q", "main")
    assert "char-type" in project.git("merge", "--no-edit", "third", ok=False)
    project.git("merge", "--abort")
    project.git("checkout", "-q", "third")
    project.variables["GIT_SEQUENCE_EDITOR"] = "sed -i 1s/pick/edit/"
    project.git("rebase", "-q", "-i", "HEAD~2")
    project.stage(second, BAD.replace("093000", "094000").replace("teams", "clubs").replace("20", "30"))
    project.git("rebase", "--continue", ok=False)


def test_a_commit_without_sql_starts_no_python(project: Project) -> None:
    project.hook("install")
    project.stage("notes", "")
    project.commit()
    gone = project.root / ".git/hooks/pre-commit"
    gone.write_text(gone.read_text().replace(COMMAND, "/nowhere/elf-sqlcheck"))
    project.stage("notes", "changed")
    project.commit()
    for path in ("sqitch.plan", "db/V1__a.sql.conf", "2024-01-01-000000_a/metadata.toml", "a b.sql"):
        project.stage(path, "")
        assert "neither on PATH" in project.blocked(), path
        project.git("rm", "-q", "--cached", path)


def test_what_cannot_be_started_falls_back_to_the_path_and_else_blocks(project: Project, tmp_path: Path) -> None:
    broken = script(tmp_path / "old venv" / "elf-sqlcheck", f"#!{tmp_path}/gone/python\n")
    text = git_hook.script("pre-commit", str(broken), ["--select", "char-type"])
    script(project.root / ".git/hooks/pre-commit", text)
    project.stage(MIGRATION, BAD)
    said = project.blocked()
    assert f"elf-sqlcheck is neither on PATH nor at\n  {broken}\n" in said
    assert "hook install" in said
    os.remove(broken)
    assert "neither on PATH" in project.blocked()
    project.variables["PATH"] = f"{BIN}:{THIN}"
    assert "char-type" in project.blocked()


def test_options_reach_the_command_and_are_looked_at_first(project: Project) -> None:
    assert "No such option" in project.hook("install", "--", "--fail-onn", "note", code=2)
    project.hook("install", "--", "--select", "drop-without-if-exists,char-type", "--output-format", "concise")
    project.stage(MIGRATION, BAD)
    assert f"{MIGRATION}:9:" in project.blocked()


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_the_scripts_are_for_any_shell(tmp_path: Path, shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"no {shell} here")
    for kind in git_hook.KINDS:
        hook = script(tmp_path / kind, git_hook.script(kind, "/opt/it's here/elf-sqlcheck", ["--ignore", "a'b"]))
        options = ["--posix"] if shell == "bash" else []
        subprocess.run([shell, *options, "-n", str(hook)], check=True)


def test_a_hook_without_sql_costs_little_more_than_asking_git(project: Project) -> None:
    project.commit("--allow-empty")
    project.hook("install")
    project.stage("notes", "")

    def seconds(*command: str) -> float:
        best = 1.0
        for _ in range(15):
            begun = time.perf_counter()
            subprocess.run(command, cwd=project.root, env=project.variables, check=False)
            best = min(best, time.perf_counter() - begun)
        return best

    asking = seconds("git", "diff", "--cached", "--quiet")
    assert seconds(".git/hooks/pre-commit") < 2.5 * asking + 0.002


SECOND = MIGRATION.replace("0930", "0940").replace("teams", "clubs")
CLUBS = GOOD.replace("093000", "094000").replace("teams", "clubs").replace("Teams", "Clubs")
#: It lints well enough, and its DOWN leaves something behind.
LEAVES = CLUBS.replace("DROP TABLE IF EXISTS clubs", "DROP TABLE IF EXISTS no_clubs")


@pytest.fixture
def shared(project: Project, tmp_path: Path) -> Project:
    """A project with a remote that has its first migration, and a hook that proves what is pushed."""
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "remote.git")], check=True)
    project.variables["XDG_DATA_HOME"] = os.environ["XDG_DATA_HOME"]
    project.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    project.put("elf-sqlcheck.toml", "fail-on = 'warning'\n")
    project.stage(MIGRATION, GOOD)
    project.git("add", "-A")
    project.commit()
    project.git("push", "-q", "-u", "origin", "main")
    options = ["--rows", "0", "--cuts", "0", "--output-format", "concise"]
    project.hook("install", "--type", "pre-push", "--", *options)
    return project


@pytest.mark.slow
def test_a_push_is_proven_as_it_is_pushed(shared: Project) -> None:
    shared.stage("notes", "")
    shared.commit()
    assert "verif" not in shared.git("push", "-q"), "no SQL, no proof"
    shared.stage(SECOND, LEAVES)
    shared.commit()
    shared.put(SECOND, CLUBS)
    said = shared.git("push", ok=False)
    assert f"{SECOND}:" in said
    assert "[rollback-leaves-behind]" in said
    assert MIGRATION not in said, "the other side has it already"
    shared.git("commit", "--all", "--amend", "-m", "Change")
    shared.put(SECOND, LEAVES)
    shared.put("migrations/20250121_095000_draft.sql", "nonsense;\n")
    assert "2 migrations applied, 1 rolled back" in shared.git("push")
    assert shared.git("worktree", "list", "--porcelain").count("worktree ") == 1
    assert (shared.root / SECOND).read_text() == LEAVES


@pytest.mark.slow
def test_a_new_branch_is_compared_with_the_main_one_and_deletions_prove_all(shared: Project) -> None:
    shared.git("checkout", "-q", "-b", "feature")
    shared.stage(SECOND, CLUBS)
    shared.commit()
    assert "2 migrations applied, 1 rolled back" in shared.git("push", "-u", "origin", "feature")
    shared.git("rm", "-q", SECOND)
    third = SECOND.replace("0940", "0950")
    shared.stage(third, CLUBS.replace("094000", "095000"))
    shared.commit()
    assert "2 migrations applied, 2 rolled back" in shared.git("push")
    assert "verif" not in shared.git("push", "origin", "--delete", "feature")


def test_the_old_pre_push_hook_reads_what_git_says(project: Project, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "remote.git")], check=True)
    old = '#!/bin/sh\necho "$1 $2"; cat; test ! -e forbidden\n'
    script(project.root / ".git/hooks/pre-push", old)
    project.hook("install", "--type", "pre-push")
    project.stage("notes", "")
    project.commit()
    url = str(tmp_path / "remote.git")
    head = project.git("rev-parse", "HEAD")
    said = project.git("push", url, "main")
    assert f"{url} {url}\nrefs/heads/main {head} refs/heads/main {'0' * 40}\n" in said
    assert "refs/heads" not in project.git("push", url, "main"), "there is nothing to push"
    project.put("forbidden", "")
    project.stage("notes", "more")
    project.commit()
    project.git("push", url, "main", ok=False)


@pytest.mark.parametrize(
    ("arguments", "stdin", "says"),
    [
        (["--since", "main"], "", "so --since cannot go with it"),
        (["migrations/x.sql"], "", "so PATHS cannot go with it"),
        ([], "hello\n", "standard input is no list of what is pushed"),
        ([], "a " + "1" * 40 + " b " + "0" * 40, "is no commit"),
    ],
)
def test_what_pushed_cannot_be_asked_is_refused(project: Project, arguments: list[str], stdin: str, says: str) -> None:
    command = ("elf-sqlcheck", "verify", "--pushed", *arguments)
    done = run(*command, folder=project.root, variables=project.variables, stdin=stdin)
    assert done.returncode == 2
    assert says in done.stderr


def shown(path: str) -> str:
    """A file as docs/hooks.md shows it."""
    with open(os.path.join(os.path.dirname(os.path.dirname(__file__)), "docs", "hooks.md"), encoding="utf-8") as file:
        [text] = re.findall(rf"<!-- file: {re.escape(path)} -->\n```\w+\n(.*?)```", file.read(), re.DOTALL)
    return str(text)


@pytest.mark.slow
def test_lefthook_runs_what_the_page_shows(project: Project, tmp_path: Path) -> None:
    project.variables |= {"PATH": f"{BIN}:{THIN}", "XDG_DATA_HOME": os.environ["XDG_DATA_HOME"]}
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "remote.git")], check=True)
    project.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    project.stage("lefthook.yml", shown("lefthook.yml"))
    subprocess.run([f"{BIN}/lefthook", "install"], cwd=project.root, env=project.variables, check=True)
    assert "skip" in project.commit()
    project.stage(MIGRATION, BAD)
    project.put(MIGRATION, GOOD)
    assert "char-type" in project.blocked()
    project.git("add", MIGRATION)
    assert "nothing found" in project.commit()
    project.stage(SECOND, LEAVES)
    project.commit("--no-verify")
    assert "rollback-leaves-behind" in project.git("push", "-q", "-u", "origin", "main", ok=False)


def test_husky_runs_what_the_page_shows(project: Project) -> None:
    """husky has Git run a script of its own, which runs the file in .husky by `sh -e`."""
    for kind in ("pre-commit", "pre-push"):
        project.put(f".husky/{kind}", shown(f".husky/{kind}"))
        script(project.root / ".husky/_" / kind, f'#!/bin/sh\nsh -e .husky/{kind} "$@"\n')
    project.git("config", "core.hooksPath", ".husky/_")
    project.stage("notes", "")
    project.commit()
    project.variables["PATH"] = f"{BIN}:{THIN}"
    project.stage(MIGRATION, BAD)
    project.put(MIGRATION, GOOD)
    assert "char-type" in project.blocked()
    project.git("add", MIGRATION)
    assert "nothing found" in project.commit()
