"""The report as one page that stands alone: opened from disk, it asks the network for nothing.

Data is hostile: a migration is written by anybody who opens a pull request. Everything is escaped by construction
(markup.py), and a Content-Security-Policy lets only the page's own style and script run, by their hashes
(https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Content-Security-Policy).
"""

from __future__ import annotations

from elf_sqlcheck.reports.html.page import render

__all__ = ["render"]
