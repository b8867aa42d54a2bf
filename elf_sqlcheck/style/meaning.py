"""Whether two texts of a file say the same: the same statements to Postgres, the same comments to people."""

from __future__ import annotations

from collections import Counter

from elf_sqlcheck import layouts, sql
from elf_sqlcheck.catalog.same import same_statement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elf_sqlcheck.model import Migration


def same_meaning(path: str, before: bytes, after: bytes, *, comments: bool = True) -> bool:
    """Whether both texts of the file `path` say the same.

    The statements are compared as Postgres parses them, section by section; what does not parse, byte by byte; the
    `comments` by their words, because some of them are headers, markers and suppressions.
    """
    old, new = layouts.read(path, before), layouts.read(path, after)
    if _outside(old) != _outside(new) or (comments and _comments(before) != _comments(after)):
        return False
    plain = [layouts.read(path, data, "plain") for data in (before, after)]
    pairs = [*zip(old.sections, new.sections, strict=True), (plain[0].up, plain[1].up)]
    return all(
        len(one.statements) == len(other.statements)
        and all(same_statement(*pair) for pair in zip(one.statements, other.statements, strict=True))
        for one, other in pairs
    ) and _unread(plain[0]) == _unread(plain[1])


def _outside(migration: Migration) -> tuple[list[str], list[tuple[str, str]], list[str], str]:
    headers = [(header.key, header.value) for header in migration.headers]
    problems = [problem.rule for problem in migration.problems]
    return [section.name for section in migration.sections], headers, problems, migration.name


def _comments(data: bytes) -> Counter[str]:
    return Counter(" ".join(comment.text.split()) for comment in sql.comments(data))


def _unread(plain: Migration) -> list[str]:
    return [plain.text(broken.piece) for broken in plain.broken]
