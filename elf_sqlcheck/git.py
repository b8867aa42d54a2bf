"""What Git knows: the index, what changed since a commit, what the main branch holds.

Only plumbing is called, with `-z` and literal paths, so that neither the user's configuration nor an odd file name
changes an answer. Paths are relative to the root of the repository, with slashes. Nothing is ever written, but for
working trees that are asked for.
"""

from __future__ import annotations

import os

from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.programs import ended, run
from elf_sqlcheck.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_KEPT = frozenset(
    {"GIT_EXEC_PATH", "GIT_CONFIG_COUNT", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"}
)


def find_root(start: str) -> str | None:
    """The folder at or above `start` that holds `.git`, which is a file in a worktree or submodule; None outside."""
    folder = os.path.abspath(start)
    while True:
        if os.path.exists(os.path.join(folder, ".git")):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent


class Difference(Record):
    """One file that differs. `before` and `after` are its blobs, "" where there is none or it is not yet stored."""

    path: str
    before: str
    after: str
    deleted: bool


class Repository:
    """A working tree with its index. `root` is its absolute folder."""

    __slots__ = ("_checked_out", "_environment", "root")

    def __init__(self, root: str) -> None:
        self.root = root
        self._environment: dict[str, str] | None = None
        #: The commit that HEAD is known to be at, "" when nobody has asked.
        self._checked_out = ""

    def staged(self) -> dict[str, str]:
        """The files that the next commit adds or changes, with the blobs of the index; renamed ones by their new name.

        Right before the first commit, too. Those that it deletes have the blob "".
        """
        options = ("--cached", "--raw", "-z", "--no-renames", "--no-abbrev")
        try:
            answer = self._run("diff-index", *options, "HEAD", "--")
        except UsageError:
            nothing = self._run("hash-object", "-t", "tree", "--stdin", data=b"").decode().strip()
            answer = self._run("diff-index", *options, nothing, "--")
        return {entry.path: entry.after for entry in _raw(answer)}

    def index(self, folders: Iterable[str], trees: Iterable[str] = ()) -> dict[str, str]:
        """The files of the index directly in each of `folders` ("" is the root) or below one of `trees`, with blobs."""
        wanted = set(folders)
        below = tuple(f"{tree}/" if tree else "" for tree in trees)
        paths = [folder or "." for folder in (*wanted, *(tree.rstrip("/") for tree in below))]
        found: dict[str, str] = {}
        for entry in self._run("ls-files", "--stage", "-z", "--", *paths).split(b"\0"):
            if not entry.startswith(b"100"):  # symbolic links and submodules hold no SQL
                continue
            state, _, name = entry.partition(b"\t")
            path = os.fsdecode(name)
            _, blob, stage = state.decode().split(" ")
            if stage == "0" and (path.rpartition("/")[0] in wanted or path.startswith(below)):
                found[path] = blob
        return found

    def read(self, blobs: Iterable[str]) -> dict[str, bytes]:
        """The contents of blobs, all in one call."""
        wanted = list(dict.fromkeys(blobs))
        if not wanted:
            return {}
        answer = self._run("cat-file", "--batch", data="".join(f"{blob}\n" for blob in wanted).encode())
        contents: dict[str, bytes] = {}
        position = 0
        for blob in wanted:
            end = answer.index(b"\n", position)
            words = answer[position:end].split()
            if len(words) != 3:
                raise UsageError(f"Git cannot read the object {blob}", "run `git fsck` in this repository")
            size = int(words[2])
            contents[blob] = answer[end + 1 : end + 1 + size]
            position = end + 1 + size + 1
        return contents

    def changed_since(self, reference: str) -> frozenset[str]:
        """The files of the working tree that the branch changed since it left `reference`, untracked ones included.

        Raises UsageError when `reference` is no commit, or when the history needed is not there (a shallow clone).
        """
        commit = self.commit(reference)
        base = self._common(commit)
        if base is None:
            raise UsageError(
                f"HEAD and {reference} have no common ancestor here, so what changed since is not known",
                "fetch the whole history first: `git fetch --unshallow`, or fetch-depth: 0 of actions/checkout",
            )
        changed = self._run("diff-index", "--name-only", "-z", "--no-renames", "--diff-filter=d", base, "--")
        untracked = self._run("ls-files", "--others", "--exclude-standard", "-z")
        return frozenset(os.fsdecode(path) for path in (changed + untracked).split(b"\0") if path)

    def main_commit(self, configured: str = "") -> str:
        """The newest commit of the main branch, "" when there is none.

        A branch of `origin` goes before a local one of that name, which may be old. Unless `configured`, the main
        branch is what origin/HEAD points to, else `main`, else `master`.
        """
        names = [configured] if configured else ["HEAD", "main", "master"]
        references = [f"refs/remotes/origin/{name}" for name in names]
        references += [f"refs/heads/{name}" for name in names if name != "HEAD"]
        if configured:
            references += [f"refs/remotes/{configured}", f"refs/tags/{configured}"]
        lines = self._run("for-each-ref", "--format=%(HEAD) %(objectname) %(refname)", *references).decode()
        commits: dict[str, str] = {}
        for line in lines.splitlines():
            commit, reference = line[2:].split(" ")
            commits[reference] = commit
            if line[0] == "*":
                self._checked_out = commit
        return next((commits[reference] for reference in references if reference in commits), "")

    def paths_at(self, commit: str, folder: str, *, below: bool = False) -> tuple[str, ...]:
        """The files directly in `folder` in a commit, or all `below` it, as paths from there."""
        place = [f"{folder}/"] if folder else []
        deep = ["-r"] if below else []
        listing = self._run("ls-tree", "--name-only", *deep, "-z", commit, "--", *place)
        return tuple(os.fsdecode(path).removeprefix(f"{folder}/") for path in listing.split(b"\0") if path)

    def at(self, commit: str, path: str) -> bytes | None:
        """What a file held in a commit; None when there was none, or it was a link or a folder."""
        entry = self._run("ls-tree", "-z", commit, "--", path).rstrip(b"\0")
        state, _, name = entry.partition(b"\t")
        if not state.startswith(b"100") or os.fsdecode(name) != path:
            return None
        blob = state.split(b" ")[2].decode()
        return self.read([blob])[blob]

    def differences(self, commit: str, folder: str, *, staged: bool, below: bool = False) -> list[Difference]:
        """How the files in `folder`, or all `below` it, differ from where HEAD left the branch of `commit`.

        `staged` compares the index, otherwise the working tree. Empty when the two have no common ancestor here.
        """
        base = self._common(commit)
        if base is None:
            return []
        options = ["--cached"] if staged else []
        answer = self._run(
            "diff-index", *options, "--raw", "-z", "--no-renames", "--no-abbrev", base, "--", folder or "."
        )
        return [entry for entry in _raw(answer) if below or entry.path.rpartition("/")[0] == folder]

    def between(self, base: str, commit: str) -> list[Difference]:
        """How the files of a commit differ from those where its branch left `base`, which may be any reference.

        Raises UsageError when one of them is no commit, or when they have no common ancestor here.
        """
        base = self._run("merge-base", self.commit(base), self.commit(commit)).decode().strip()
        answer = self._run("diff-tree", "-r", "--raw", "-z", "--no-renames", "--no-abbrev", base, self.commit(commit))
        return list(_raw(answer))

    def holds(self, commit: str, paths: Iterable[str]) -> bool:
        """Whether the working tree is that of a commit in some files and folders, with nothing added to them."""
        if self.commit("HEAD") != self.commit(commit):
            return False
        return not self._run("status", "--porcelain", "--untracked-files=all", "--", *paths)

    def add_worktree(self, commit: str, folder: str) -> None:
        """Check a commit out into a new folder, as a working tree of this repository; no hook runs."""
        quiet = ("-c", f"core.hooksPath={os.devnull}")
        self._run(*quiet, "worktree", "add", "--quiet", "--detach", folder, self.commit(commit))

    def remove_worktree(self, folder: str) -> None:
        """Remove what `add_worktree` made."""
        self._run("worktree", "remove", "--force", folder)

    def author_and_head(self) -> tuple[str, str]:
        """Who commits here, as `Name <address>`, and the newest commit; each "" when it is not known."""
        answers: list[str] = []
        for command in (("var", "GIT_COMMITTER_IDENT"), ("rev-parse", "--verify", "--quiet", "HEAD")):
            try:
                answers.append(os.fsdecode(self._run(*command)).strip())
            except UsageError:
                answers.append("")
        # `Name <address> 1700000000 +0000`
        return answers[0].rpartition(">")[0] + ">" if ">" in answers[0] else "", answers[1]

    def branch(self) -> str:
        """The branch that is checked out, "" when HEAD is on none, as CI systems often leave it."""
        try:
            return os.fsdecode(self._run("symbolic-ref", "--quiet", "--short", "HEAD")).strip()
        except UsageError:
            return ""

    def hooks(self) -> tuple[str, str]:
        """The absolute folder of the hooks, and where core.hooksPath is set, as `git config --show-scope` says; "" if
        it is not.
        """
        folder = os.fsdecode(self._run("rev-parse", "--git-path", "hooks")).rstrip("\n")
        try:
            scope = self._run("config", "--show-scope", "--get", "core.hooksPath").decode("utf-8", "replace")
        except UsageError:
            scope = ""
        return os.path.normpath(os.path.join(self.root, folder)), scope.partition("\t")[0]

    def commit(self, reference: str) -> str:
        """The commit that a reference names; raises UsageError when it names none."""
        try:
            answer = self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}")
        except _Failed as error:
            if error.code != 1:
                raise
            raise UsageError(
                f"{reference!r} is no commit that this repository has",
                "name a branch, a tag or a commit; in CI it may have to be fetched first",
            ) from None
        return answer.decode().strip()

    def _common(self, commit: str) -> str | None:
        if commit == self._checked_out:
            return commit
        try:
            return self._run("merge-base", commit, "HEAD").decode().strip()
        except UsageError:
            return None

    def _run(self, *arguments: str, data: bytes | None = None) -> bytes:
        if self._environment is None:
            self._environment = _clean_environment(self.root)
        command = ["git", "-C", self.root, "--literal-pathspecs", "--no-optional-locks", *arguments]
        try:
            code, said, complaint = run(command, self._environment, data or b"")
        except OSError as error:
            from elf_sqlcheck.machine import remedy

            otherwise = "install Git, or leave --staged and --since out"
            raise UsageError(f"git cannot be run: {error.strerror}", remedy(error, otherwise)) from error
        if code:
            first = complaint.decode("utf-8", "replace").strip().partition("\n")[0] or ended(code)
            advice = "see what `git status` says there"
            if "dubious ownership" in first:
                advice = f"if you trust whoever owns it: git config --global --add safe.directory {self.root}"
            raise _Failed(code, f"git {arguments[0]} failed in {self.root}: {first}", advice)
        return said


class _Failed(UsageError):
    """Git has ended with another exit code than 0."""

    def __init__(self, code: int, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.code = code


def _raw(answer: bytes) -> Iterable[Difference]:
    """The entries of `--raw -z`. Symbolic links and submodules hold no SQL and are left out."""
    fields = answer.split(b"\0")
    for state, name in zip(fields[0::2], fields[1::2], strict=False):
        _, mode, before, after, status = state.decode().split(" ")
        if mode.startswith("100") or status == "D":
            yield Difference(os.fsdecode(name), before.strip("0") and before, after.strip("0") and after, status == "D")


def here(what: str) -> Repository:
    """The repository of the working folder, which `what` names as needed ("--since needs"); raises UsageError."""
    root = find_root(".")
    if root is None:
        raise UsageError(f"{what} a Git repository, and this is none", "run it inside of one")
    return Repository(root)


def _clean_environment(root: str) -> dict[str, str]:
    """The environment without what Git set for a hook, which would point at another repository or the wrong folder.

    One thing must stay: `git commit FILE` and `git commit --all` prepare an index of their own, which only
    GIT_INDEX_FILE names, and programs may have one anywhere. It is kept unless it is in the folder of another
    repository.
    """
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("GIT_") or key in _KEPT or key.startswith(("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"))
    }
    environment["LC_ALL"] = "C"
    environment["GIT_CEILING_DIRECTORIES"] = os.path.dirname(root)
    index = os.environ.get("GIT_INDEX_FILE")
    if index:
        path = os.path.realpath(os.path.join(root, index))
        folder = os.path.dirname(path)
        foreign = os.path.exists(os.path.join(folder, "HEAD")) and folder not in _git_folders(root)
        if os.path.exists(path) and not foreign:
            environment["GIT_INDEX_FILE"] = path
    return environment


def _git_folders(root: str) -> Sequence[str]:
    """The folder that holds the index: `.git`, or what a `.git` file points to."""
    entry = os.path.join(root, ".git")
    if os.path.isdir(entry):
        return (os.path.realpath(entry),)
    try:
        with open(entry, encoding="utf-8", errors="surrogateescape") as file:
            target = file.read().removeprefix("gitdir:").strip()
    except OSError:
        return ()
    return (os.path.realpath(os.path.join(root, target)),)
