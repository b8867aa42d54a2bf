"""Migration files for tests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def text(name: str, up: str, down: str | None = "SELECT 1;", *, needs: Sequence[str] = (), header: str = "") -> str:
    """The text of a migration; `down` None leaves the section out, `header` is further header lines."""
    head = (
        f"-- Migration: {name}\n-- Version: {name[:15]}\n-- Description: {name}\n"
        f"-- Dependencies: {json.dumps(list(needs))}\n{header}"
    )
    made = f"{head}\n-- ============= UP MIGRATION =============\n\n{up}\n"
    return made if down is None else f"{made}\n-- ============= DOWN MIGRATION ============\n\n{down}\n"


def write(folder: Path, name: str, up: str, down: str | None = "SELECT 1;", *, needs: Sequence[str] = (),
          header: str = "") -> Path:  # fmt: skip
    """Write a migration into `folder`, which is made when it is not there."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.sql"
    path.write_text(text(name, up, down, needs=needs, header=header), encoding="utf-8")
    return path
