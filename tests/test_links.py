"""Links between the pages lead somewhere, and those to the outside are well formed; nothing is asked of the network."""

from __future__ import annotations

import functools
import os
import re
from urllib.parse import unquote, urlsplit

import pytest

from tests.pages import PAGES, ROOT, read

EVERY = (*PAGES, "CHANGELOG.md", "rules/README.md", "tests/corpus/README.md")
#: Whom the pages send their readers to.
HOSTS = frozenset(
    {
        "docs.kernel.org", "github.com", "keepachangelog.com", "pre-commit.com", "semver.org", "supabase.com",
        "www.postgresql.org",
    }
)  # fmt: skip
_LINK = re.compile(r"(?<!\\)\[[^\]]*\]\(([^)\s]+)\)|<img[^>]*\ssrc=\"([^\"]+)\"")
_CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def links(page: str) -> list[str]:
    """Where a page leads to; what stands in code is no link."""
    text = _CODE.sub(lambda code: "" if code[0].startswith("```") else "code", read(page))
    return [target or image for target, image in _LINK.findall(text)]


@functools.cache
def anchors(page: str) -> frozenset[str]:
    """The anchors that GitHub gives to the headings of a page."""
    text = re.sub(r"^```.*?^```$", "", read(page), flags=re.MULTILINE | re.DOTALL)
    found: list[str] = []
    for heading in re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        found.append(re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-"))
    return frozenset(
        anchor if found[:number].count(anchor) == 0 else f"{anchor}-{found[:number].count(anchor)}"
        for number, anchor in enumerate(found)
    )


@pytest.mark.parametrize("page", EVERY)
def test_the_links_of_a_page_lead_somewhere(page: str) -> None:
    for link in links(page):
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            assert parts.scheme == "https", f"{page}: {link}"
            assert parts.hostname in HOSTS, f"{page}: {link} leads to a host that is not in HOSTS"
            continue
        path = os.path.normpath(os.path.join(os.path.dirname(page), unquote(parts.path))) if parts.path else page
        assert not path.startswith(".."), f"{page}: {link} leads out of the repository"
        assert os.path.exists(os.path.join(ROOT, path)), f"{page}: {link} is not there"
        if parts.fragment:
            assert parts.fragment in anchors(path), f"{page}: {link}: {path} has no such heading"


def test_every_page_is_linked_to_from_the_readme() -> None:
    linked = set(links("README.md"))
    for page in PAGES:
        assert page == "README.md" or page in linked, f"README.md does not lead to {page}"
