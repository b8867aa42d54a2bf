"""What elf-migrate shows: plain lines, colour and progress in a terminal, or JSON.

JSON is one object at the end; of commands that run migrations it is a line for each event as it happens
(`reports/events.schema.json`), the last of which is that object.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from elf_sqlcheck.errors import MigrationFailed
from elf_sqlcheck.reports import inert
from elf_sqlcheck.reports.terminal import clean, is_coloured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elf_sqlcheck.errors import ElfError
    from elf_sqlcheck.model import Migration, Section
    from elf_sqlcheck.shared.database import Outcome, SupabaseExecutor

_STYLES = {"good": "green", "bad": "red", "warn": "yellow", "faint": "bright_black", "head": "bold"}
_STATUS_STYLES = {
    "completed": "good",
    "failed": "bad",
    "running": "warn",
    "rolled back": "warn",
    "pending": "head",
    "skipped": "faint",
}


class Output:
    """One command's way to speak; `data` is what `--output json` prints when the command ends.

    With `streams` JSON is a line an event; `running` is the section that is being run.
    """

    def __init__(self, *, as_json: bool, streams: bool = False) -> None:
        self.as_json = as_json
        self._streams = streams
        self._running: dict[str, Any] = {}
        self.data: dict[str, Any] = {}
        self._notes: list[str] = []
        self._aside = False
        terminal = sys.stdout.isatty()
        self._coloured = not as_json and is_coloured(os.environ, terminal=terminal)
        self._fancy = self._coloured and terminal
        self._bar: Any = None

    def say(self, text: str = "", style: str = "") -> None:
        """Print a line for people."""
        if self.as_json:
            return
        # What a server or a file says in several lines cannot pass for lines of ours.
        further = "\n" + " " * (len(text) - len(text.lstrip(" ")) + 4)
        text = inert.lines(clean(text, keep="\n").replace("\n", further))
        if style and self._coloured:
            text = click.style(text, bold=True) if style == "head" else click.style(text, fg=_STYLES[style])
        if self._bar is not None:
            from rich.text import Text

            self._bar.console.print(Text.from_ansi(text), soft_wrap=True)
        else:
            self._echo(text, err=self._aside)

    def note(self, text: str, kind: str = "notice") -> None:
        """Something worth knowing that is no result; `kind` is "notice", "waiting" or "retry"."""
        self._notes.append(text)
        self.event(kind, message=text)
        self.say(f"    {text}", "faint")

    def event(self, kind: str, **facts: Any) -> None:
        """Something that has just happened, for programs that follow a run line by line."""
        if not (self.as_json and self._streams):
            return
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._echo(_json({"event": kind, "time": moment, **facts}))

    def aside(self, text: str) -> None:
        """A line for people on standard error, whatever standard output is for: what a command of the project says."""
        click.echo(inert.lines(clean(text)), err=True)

    def _echo(self, text: str, *, err: bool = False) -> None:
        try:
            click.echo(text, err=err, color=self._coloured or None)
        except BrokenPipeError:
            if not self._streams:
                raise
            # Whoever read it has gone; the run goes on, for a database is not left half-way because of that.
            os.dup2(os.open(os.devnull, os.O_WRONLY), (sys.stderr if err else sys.stdout).fileno())

    def begins(self, migration: Migration, section: Section, number: int, total: int) -> None:
        """A section starts; in a terminal a bar shows how far the whole run is."""
        self._running = {"version": migration.version, "name": migration.name, "section": section.name}
        self.event("begin", **self._running, number=number, total=total)
        if not self._fancy:
            return
        doing = f"{'applying' if section.name == 'up' else 'rolling back'} {clean(migration.name)}"
        if self._bar is None:
            try:
                from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
            except ImportError:
                return
            told = TextColumn("{task.description}", markup=False)
            columns = (told, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, transient=True)
            self._bar.add_task(doing, total=total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=number - 1, description=doing)

    def ended(self, migration: Migration, section: Section, outcome: Outcome) -> None:
        """A section was carried out."""
        done = "applied" if section.name == "up" else "rolled back"
        key = "applied" if section.name == "up" else "rolled_back"
        statements = f"{outcome.statements} statement{'' if outcome.statements == 1 else 's'}"
        facts = {
            "version": migration.version,
            "name": migration.name,
            "statements": outcome.statements,
            "ms": round(outcome.ms),
        }
        self.data.setdefault(key, []).append(facts)
        self._running = {}
        self.event(key, **facts)
        if section.name == "up" and migration.verify and (asked := len(migration.verify.statements)):
            statements += f", {asked} assertion{'' if asked == 1 else 's'}"
        self.say(f"  {done} {migration.name} ({statements}, {outcome.ms:.0f} ms)", "good")
        if self._bar is not None:
            self._bar.advance(self._bar.task_ids[0])
        for notice in outcome.notices:
            # DROP … IF EXISTS says so by design; whatever else the server remarks is worth a look.
            if not notice.endswith("does not exist, skipping"):
                self.note(notice)

    def newest_event(self, executor: SupabaseExecutor) -> None:
        """Say which event is the newest: a log of it proves later that the history was not written anew."""
        from elf_sqlcheck.migrate.history import History

        self.data["history_head"] = History(executor).head()
        self.say(f"Newest event of the history: {self.data['history_head']}", "faint")

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]], status: int | None = None) -> None:
        """Print rows under heads; the column `status` (by number) is coloured."""
        if self.as_json:
            return
        shown = [[clean(cell) for cell in row] for row in rows]
        widths = [max(len(row[column]) for row in [heads, *shown]) for column in range(len(heads))]
        self.say("  ".join(head.ljust(width) for head, width in zip(heads, widths, strict=True)).rstrip(), "head")
        for row in shown:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            if status is not None and self._fancy:
                cells[status] = click.style(cells[status], fg=_colour(row[status]))
            click.echo(inert.lines("  ".join(cells).rstrip()))

    def confirm(self, question: str) -> bool:
        """Ask a question that is answered by y or n; False when nobody is there to answer."""
        self._stop_bar()
        try:
            return click.confirm(inert.lines(clean(question)), default=False, err=self.as_json)
        except click.Abort:
            return False

    def ask(self, question: str) -> str:
        """Ask for a word; "" when nobody is there to answer."""
        self._stop_bar()
        try:
            return str(click.prompt(inert.lines(clean(question)), default="", show_default=False, err=self.as_json))
        except click.Abort:
            return ""

    def raw(self, text: str) -> None:
        """Print text that is complete as it is."""
        self._stop_bar()
        click.echo(text, nl=False, color=True)

    def stand_aside(self) -> None:
        """Leave standard output to a document: what is said goes to standard error, and there is no JSON object."""
        self._aside, self.as_json, self._coloured, self._fancy = True, False, False, False

    def failed(self, error: ElfError) -> None:
        """Make an error part of the JSON result; people read it on standard error."""
        self.data["error"] = {"message": error.message, "remedy": error.remedy}
        sqlstate = error.sqlstate if isinstance(error, MigrationFailed) else ""
        self.event("failed", **self._running, **self.data["error"], sqlstate=sqlstate, exit_code=error.exit_code)

    def finish(self) -> None:
        """Take the bar away, and print the JSON object."""
        self._stop_bar()
        if self._streams:
            self.event("done", **self.data, notes=self._notes)
        elif self.as_json:
            click.echo(_json({**self.data, "notes": self._notes}, indent=2))

    def _stop_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _json(value: dict[str, Any], indent: int | None = None) -> str:
    return inert.json(json.dumps(value, indent=indent, default=str, ensure_ascii=False))


def _colour(status: str) -> str | None:
    style = _STYLES.get(_STATUS_STYLES.get(status.partition(",")[0], ""), "")
    return style if style != "bold" else None
