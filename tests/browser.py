"""A Chromium that is on this machine, driven by Playwright: its own builds, Debian's, Chrome or Edge.

Playwright's wheel brings no browser. `playwright install chromium-headless-shell` gets one, as does
`apt-get install chromium-headless-shell` on Debian; ELF_SQLCHECK_BROWSER names any other.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Error, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserType

NAMES = (
    "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable",
    "microsoft-edge", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)  # fmt: skip
MISSING = (
    "no Chromium on this machine: `playwright install chromium-headless-shell`, or the package of the system, or the "
    "path of one in ELF_SQLCHECK_BROWSER"
)


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """A running browser. Without one the test is skipped; on GitHub, whose machines have one, it fails."""
    with sync_playwright() as playwright:
        running = _launched(playwright.chromium)
        if running is None:
            if os.environ.get("GITHUB_ACTIONS"):
                pytest.fail(MISSING)
            pytest.skip(MISSING)
        yield running
        running.close()


def _launched(chromium: BrowserType) -> Browser | None:
    named = os.environ.get("ELF_SQLCHECK_BROWSER")
    if not named:
        with contextlib.suppress(Error):  # Playwright's own, unless it was never installed
            return chromium.launch()
    path = named or next(filter(None, map(shutil.which, NAMES)), None)
    # Chromium refuses to run its sandbox as root; the pages are our own.
    return chromium.launch(executable_path=path, chromium_sandbox=False) if path else None
