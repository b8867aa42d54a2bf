"""The plain part of TOML is read as tomllib reads it, and all else is left to that."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elf_sqlcheck.toml import read_plain

PIECES = [
    "=", "[", "]", "[[", "]]", ",", ".", '"', '""', '"""', "'", "\\", "#", "# it is", "\n", "\r\n", "\r", "\t", " ",
    "a", "b-c", "dir", '"x y"', '"a#b"', '"a.b"', '"a,b"', '"a]"', "é", '"é"', "\ufeff", "\x00", "\x7f", "\xa0", "{",
    "}", "true", "false", "True", "inf", "0", "00", "1", "12_000", "1_", "_1", "+1", "-1", "1.5", "0x1f", "1e3",
    "1979-05-27", "٣", "9" * 20, "a = 1\n", "[a]\n", "[a.b]\n", 'a = "x"\n', "a = [1, 2]\n", "a = [\n", '"x",\n',
    "]\n",
]  # fmt: skip


def whole(text: str) -> dict[str, object] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def same(text: str) -> bool:
    """Whether the plain reader says what tomllib does (with the same types), or nothing."""
    read = read_plain(text)
    return read is None or repr(read) == repr(whole(text))


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_what_is_read_is_what_tomllib_reads(text: str) -> None:
    assert same(text), text


KEYS = st.sampled_from(["a", "b-c", "table_sizes", "0", '"x y"', '"a.b"', '"a=b"'])
SCALARS = st.sampled_from(
    ["1", "0", "250_000", "true", "false", '"x"', '""', '"a # b"', '"a, b"', '"[x]"', "1.5", "'x'"]
)
LISTS = st.lists(SCALARS, max_size=3).flatmap(
    lambda items: st.sampled_from([
        f"[{', '.join(items)}]",
        "[\n" + "".join(f"  {item}, # why\n" for item in items) + "]",
        f"[ {','.join(items)}, ]",
    ])
)  # fmt: skip
LINES = st.one_of(
    st.builds("{} = {}".format, KEYS, st.one_of(SCALARS, LISTS)),
    st.builds("[{}]".format, st.lists(KEYS, min_size=1, max_size=3).map(".".join)),
    st.sampled_from(["", "# a comment, isn't it", "x = { y = 1 }", "\t"]),
)


@given(st.lists(LINES, max_size=8).map("\n".join))
def test_configurations_are_read_as_tomllib_reads_them(text: str) -> None:
    assert same(text), text


PLAIN = """\
# What blocks a commit, and isn't "allowed".
fail-on = "warning"   # a note does not
ignore = ["naming", "created_at"]
extend-select = [
    "teams",  # ours
    "a#b",
]
hooks = []
auto-expose = true

[table-sizes]
orders = 250_000
"billing.invoices" = "12M"

[env.production]
protected = false
"""


def test_plain_configurations_need_no_other_reader() -> None:
    assert read_plain(PLAIN) == tomllib.loads(PLAIN)
    assert read_plain(PLAIN.replace("\n", "\r\n")) == tomllib.loads(PLAIN)
    assert read_plain("") == {}


@pytest.mark.parametrize(
    "text",
    ["a = 'x'", "a = 1.5", "a.b = 1", 'a = "\\n"', "a = { b = 1 }", "[[a]]", "a = [[1]]", "a = [1", "a = [",
     "a = 1\na = 2", "[a]\n[a]", "[a.b]\n[a]", "a = 1\n[a.b]", "a", "a =", "= 1", "[a", "[]", "a = ]", "a = [,]",
     "a = [1,,2]", "a = 1 2"],
)  # fmt: skip
def test_the_rest_is_left_to_tomllib(text: str) -> None:
    assert read_plain(text) is None


def test_the_configurations_of_the_documentation_are_read_alike() -> None:
    pages = [path.read_text() for path in Path(__file__).parents[1].glob("docs/*.md")]
    texts = [block.partition("```")[0] for page in pages for block in page.split("```toml\n")[1:]]
    assert texts
    assert all(same(text) for text in texts)
    assert any(read_plain(text) for text in texts)
