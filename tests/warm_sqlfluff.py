"""Imported by a process that forks: sqlfluff with its plug-ins and its rules, which take a second to load."""

from __future__ import annotations

from elf_sqlcheck.style import fluff

fluff.rules()
