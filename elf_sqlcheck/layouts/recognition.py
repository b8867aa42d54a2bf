"""Which tool's layout a folder is of: by the names of its files, and only where these do not tell, by what they say."""

from __future__ import annotations

import os

from elf_sqlcheck.later import later
from elf_sqlcheck.layouts import dbmate, diesel, flyway, goose, graphile, pairs, sqitch, supabase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_OWN_FOLDER = later(r"[0-9][0-9-]*_")
_SUPABASE_FOLDER = os.path.join("supabase", "migrations")


def recognize(files: Mapping[str, bytes]) -> str:
    """The layout of files that are not of the elf layout, "" when they tell nothing."""
    named = by_name(files)
    if named == pairs.GOLANG_MIGRATE and any(data.startswith(pairs.NO_TRANSACTION) for data in files.values()):
        return pairs.SQLX
    return named or next(filter(None, map(by_contents, files.values())), "") or _by_place(files)


def by_name(paths: Iterable[str]) -> str:
    """The layout that the names of files tell, "" when they do not."""
    for path in paths:
        folder, name = os.path.split(path)
        if name == sqitch.PLAN:
            return sqitch.NAME
        if flyway.FILE_NAME.match(name):
            return flyway.NAME
        if pairs.PAIR_NAME.match(name):
            return pairs.GOLANG_MIGRATE
        if name in {"up.sql", "migration.sql"} and is_own_folder(os.path.basename(folder)):
            return diesel.NAME if name == "up.sql" else diesel.PRISMA
    return ""


def is_own_folder(name: str) -> bool:
    """Whether a folder is named like a migration of diesel or Prisma."""
    return _OWN_FOLDER.match(name) is not None


def by_contents(data: bytes) -> str:
    """The layout whose markers a file holds, "" when it holds none."""
    if goose.recognizes(data):
        return goose.NAME
    if dbmate.recognizes(data):
        return dbmate.NAME
    if data.startswith(pairs.NO_TRANSACTION):
        return pairs.SQLX
    return graphile.NAME if graphile.recognizes(data) else ""


def _by_place(files: Mapping[str, bytes]) -> str:
    path = next(iter(files), "")
    in_place = os.path.abspath(os.path.dirname(path)).endswith(_SUPABASE_FOLDER)
    named = any(supabase.FILE_NAME.match(os.path.basename(path)) for path in files)
    return supabase.NAME if in_place and named else ""
