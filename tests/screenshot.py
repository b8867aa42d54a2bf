"""Makes the picture of the README, docs/lint.svg, of what the command really prints for the README's first file.

python -m tests.screenshot
"""

from __future__ import annotations

import html
import os
import re
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from tests import forks
from tests.pages import ROOT, blocks

PICTURE = os.path.join(ROOT, "docs", "lint.svg")
COMMAND = "elf-sqlcheck lint"
WIDTH = 112


def printed() -> str:
    """The command and what it prints, in colours."""
    with tempfile.TemporaryDirectory() as folder:
        page = next(block for block in blocks("README.md") if block.file)
        path = Path(folder, page.file)
        path.parent.mkdir(parents=True)
        path.write_text(page.text, "utf-8")
        kept = {name: os.environ[name] for name in ("PATH", "XDG_DATA_HOME") if name in os.environ}
        variables = {**kept, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "HOME": folder, "LC_ALL": "C.UTF-8"}
        program, *arguments = COMMAND.split()
        done = forks.run(program, *arguments, folder=folder, variables=variables)
    return f"$ {COMMAND}\n{done.stdout}"


def picture(text: str) -> str:
    """The SVG of a terminal that shows `text`; it loads nothing from elsewhere."""
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w", encoding="utf-8"), legacy_windows=False)  # noqa: SIM115
    console.print(Text.from_ansi(text))
    console.file.close()
    svg = console.export_svg(title=COMMAND, theme=MONOKAI, unique_id="lint")
    svg = re.sub(r"\s*@font-face \{.*?\}\n", "\n", svg, flags=re.DOTALL).replace("Fira Code, ", "")
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def words(svg: str) -> list[str]:
    """The words that a picture shows, in their order."""
    return " ".join(html.unescape(text) for text in re.findall(r"<text[^>]*>(.*?)</text>", svg)).split()


if __name__ == "__main__":
    with open(PICTURE, "w", encoding="utf-8", newline="\n") as _file:
        _file.write(picture(printed()))
