"""The commands `elf-sqlcheck github …`: what a job of GitHub Actions tells about its pull request."""

from __future__ import annotations

import os
import re

import click

from elf_sqlcheck.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from elf_sqlcheck.github.api import NotReported

#: A job summary may be 1 MiB a step, and a character at most three bytes of it for each that is counted.
_SUMMARY = 250_000

_strict = click.option("--strict", is_flag=True, help="End with 2 when GitHub does not take it, instead of saying so.")


@click.group()
def github() -> None:
    """Report to GitHub: a comment on the pull request, findings for code scanning.

    They read what GitHub Actions gives a job: GITHUB_TOKEN (which a step must be given), GITHUB_REPOSITORY,
    GITHUB_EVENT_PATH, GITHUB_API_URL, GITHUB_SHA, GITHUB_REF and GITHUB_STEP_SUMMARY. Where the token may not write,
    as that of a pull request from a fork, one sentence says so, the job summary shows the report, and the exit code
    is 0.

    \b
    Examples:
      elf-sqlcheck github comment report.md
      elf-sqlcheck github upload report.sarif
      elf-sqlcheck github outputs report.json
    """


def _name(_context: click.Context, _option: click.Parameter, value: str) -> str:
    # It stands in a comment of HTML, which `--` would end.
    if not re.fullmatch(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*", value):
        raise click.BadParameter("small letters and digits, with -, _ or . between them")
    return value


@github.command()
@click.argument("file")
@click.option(
    "--name", default="lint", show_default=True, callback=_name, help="Which comment, when there are several."
)
@click.option("--pull-request", type=click.IntRange(1), metavar="N", help="Its number (default: that of the event).")
@click.option("--only-update", is_flag=True, help="Change the comment that is there, but begin none.")
@click.option("--no-summary", is_flag=True, help="Do not show FILE in the job summary when it cannot be a comment.")
@_strict
def comment(
    file: str, *, name: str, pull_request: int | None, only_update: bool, no_summary: bool, strict: bool
) -> None:
    """Keep one comment of the pull request up to date with a Markdown file; an empty file takes it away.

    It is found again by a mark that GitHub does not show, and only if it was written by the owner of the same token.

    \b
    Examples:
      elf-sqlcheck lint --output markdown:report.md --output text:- || failed=1
      elf-sqlcheck github comment report.md
      elf-sqlcheck github comment proof.md --name verify
      elf-sqlcheck github comment report.md --only-update
    """
    from elf_sqlcheck.github import comment as comments
    from elf_sqlcheck.github.api import GitHub, NotReported
    from elf_sqlcheck.github.job import Job

    text = _text(file)
    job = Job.read(os.environ)
    number = pull_request or job.pull_request

    def report() -> str:
        if not number:
            raise NotReported("This run belongs to no pull request, so there is nothing to comment on.")
        done = comments.keep(GitHub(job), number, name, text, only_update=only_update)
        return f"comment {name} of pull request #{number}: {done}"

    _report(report, job.summary, job.is_of_fork, "" if no_summary else text, strict=strict)


@github.command()
@click.argument("file")
@click.option("--sha", metavar="COMMIT", help="The commit that was judged (default: GITHUB_SHA, or the head).")
@click.option("--ref", metavar="REF", help="Its full ref, as refs/heads/main (default: GITHUB_REF).")
@click.option(
    "--wait",
    type=click.FloatRange(0),
    default=120.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait until GitHub has taken it.",
)
@_strict
def upload(file: str, *, sha: str | None, ref: str | None, wait: float, strict: bool) -> None:
    """Hand a SARIF file to GitHub's code scanning, and wait until it is taken.

    \b
    Examples:
      elf-sqlcheck lint --output sarif:report.sarif --output text:- || failed=1
      elf-sqlcheck github upload report.sarif
    """
    from dataclasses import replace

    from elf_sqlcheck.git import Repository, find_root
    from elf_sqlcheck.github import scanning
    from elf_sqlcheck.github.api import GitHub
    from elf_sqlcheck.github.job import Job

    data = scanning.read(file)
    job = Job.read(os.environ)
    job = replace(job, sha=sha or job.sha, ref=ref or job.ref)
    root = find_root(".")
    checked_out = Repository(root).author_and_head()[1] if root and not (sha or ref) else ""

    def report() -> str:
        commit, belongs = scanning.place(job, checked_out)
        scanning.upload(GitHub(job), data, commit, belongs, wait)
        return f"code scanning has the findings for {belongs} at {commit[:12]}"

    _report(report, job.summary, job.is_of_fork, "", strict=strict)


@github.command()
@click.argument("file")
def outputs(file: str) -> None:
    """Give the numbers of a JSON report to the steps that follow: `findings`, `errors`, `warnings` and `notes`.

    They go into the file GITHUB_OUTPUT, else to standard output.

    \b
    Example:
      elf-sqlcheck lint --output json:report.json --output github:- || failed=1
      elf-sqlcheck github outputs report.json
    """
    from elf_sqlcheck.cli.meaning import write

    found = _numbers(file)
    text = "".join(f"{name}={number}\n" for name, number in {"findings": sum(found.values()), **found}.items())
    path = os.environ.get("GITHUB_OUTPUT")
    if path:
        write(path, text, "a", "GITHUB_OUTPUT names it; unset that to see the numbers")
    else:
        click.echo(text, nl=False)


def _report(report: Callable[[], str], summary: str, of_fork: bool, text: str, *, strict: bool) -> None:
    """Say what `report` did, or, where GitHub does not take it, why not: here, and in the summary before the text."""
    from elf_sqlcheck.cli.meaning import write
    from elf_sqlcheck.github.api import NotReported
    from elf_sqlcheck.github.comment import cut

    try:
        click.echo(report())
    except NotReported as failure:
        if strict:
            raise
        click.echo(f"note: {_sentence(failure, of_fork)}", err=True)
        if summary:
            shown = cut(f"{text.strip()}\n\n" if text.strip() else "", _SUMMARY)
            sentence = f"> [!NOTE]\n> elf-sqlcheck: {_escaped(_sentence(failure, of_fork))}\n\n"
            write(summary, f"{sentence}{shown}", "a", "GITHUB_STEP_SUMMARY names it")


def _sentence(failure: NotReported, of_fork: bool) -> str:
    forked = "This pull request comes from a fork, whose token may only read: the job summary has it all."
    return f"{failure.message.rstrip('.')}. {forked if of_fork else failure.remedy}".strip()


def _escaped(text: str) -> str:
    from elf_sqlcheck.reports.markdown import prose

    return prose(text)


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}", "write it before: `elf-sqlcheck lint --output markdown:FILE`"
        ) from error


def _numbers(path: str) -> dict[str, int]:
    from json import loads

    try:
        summary: dict[str, Any] = loads(_text(path))["summary"]
        return {name: int(summary[name]) for name in ("errors", "warnings", "notes")}
    except (ValueError, LookupError, TypeError, RecursionError):
        raise UsageError(
            f"{path} is no JSON report", "write one: `elf-sqlcheck lint --output json:FILE --output text:-`"
        ) from None
