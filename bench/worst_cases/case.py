"""What a case of `bench/worst.py` is, and what most of them are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

UP = "-- ============= UP MIGRATION =============\n\n"
DOWN = "\n-- ============= DOWN MIGRATION ============\n\n"
WORDS = ("заказ", "счёт", "naïve", "café", "数据库", "🐘🎉", "e\u0301tat", "plain", "words", "here")


class Input(NamedTuple):
    """What is linted: `text` as one file. `options` go to the command, `files` are further ones beside it.

    `paths` are what the command is given instead of that one file.
    """

    text: str | bytes
    sound: str | bytes = ""
    options: tuple[str, ...] = ()
    files: dict[str, str] = {}  # noqa: RUF012 - nobody changes it
    paths: tuple[str, ...] = ()


class Case(NamedTuple):
    """A case: `make` takes a size, `size` is the largest that is measured, of whatever the name counts."""

    name: str
    make: Callable[[int], Input]
    size: int


def both(up: Iterable[str], down: Iterable[str] = ()) -> Input:
    """A file with both sections."""
    return Input(UP + ";\n".join(up) + ";\n" + DOWN + ";\n".join(down) + ";\n")


def sql(statements: Iterable[str], *options: str) -> Input:
    """A file of nothing but statements."""
    return Input(";\n".join(statements) + ";\n", options=options)


def tables(count: int, columns: str = "id bigint PRIMARY KEY, name text NOT NULL") -> list[str]:
    return [f"CREATE TABLE t{number} ({columns})" for number in range(count)]


def dropped(count: int) -> list[str]:
    return [f"DROP TABLE t{number}" for number in reversed(range(count))]


def plpgsql(body: str, head: str = "DO") -> str:
    return f"{head} $body$\n{body}\n$body$"
