"""The commands that tell how things are: `elf-sqlcheck rules`, `explain` and `config`."""

from __future__ import annotations

import os

import click

from elf_sqlcheck import registry, run
from elf_sqlcheck.cli import meaning, options
from elf_sqlcheck.cli.new_rule import new
from elf_sqlcheck.config import OWN_FILE, Config, load
from elf_sqlcheck.errors import UsageError
from elf_sqlcheck.model import Severity
from elf_sqlcheck.reports import inert
from elf_sqlcheck.reports.terminal import clean, painted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from elf_sqlcheck.environments import Environment
    from elf_sqlcheck.rule import Rule
    from elf_sqlcheck.sizes import TableSize
    from elf_sqlcheck.teams import Team

_output_format = click.option(
    "--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How it is shown."
)
_no_color = click.option("--no-color", is_flag=True, help=options.NO_COLOR)


@click.group(invoke_without_command=True)
@_output_format
@_no_color
@click.option("--squawk", is_flag=True, help="List squawk's rules instead, and what finds the same here.")
@options.configured
@click.pass_context
def rules(
    context: click.Context,
    /,
    output_format: str,
    *,
    no_color: bool,
    squawk: bool,
    config_file: str | None,
    isolated: bool,
) -> None:
    """List all rules, with the severity that the configuration gives them.

    \b
    Examples:
      elf-sqlcheck rules
      elf-sqlcheck rules --output-format json
      elf-sqlcheck rules --squawk
      elf-sqlcheck rules new temporary-table
    """
    if context.invoked_subcommand:
        return
    if squawk:
        _show_squawk(output_format)
        return
    config = meaning.settings(config_file, isolated)
    running = {rule.name: rule.severity for rule in run.ruleset(config).rules}
    everything = _all(config)
    if output_format == "json":
        from json import dumps

        entries = [_entry(rule, running) for rule in everything]
        click.echo(dumps({"version": 1, "rules": entries}, indent=2))
        return
    colour = meaning.style(no_color=no_color).colour
    width = max((len(rule.name) for rule in everything), default=0)
    family = ""
    for rule in everything:
        if rule.family != family:
            click.echo(("\n" if family else "") + painted(rule.family, "bold", colour), color=True)
            family = rule.family
        level = running.get(rule.name, Severity.OFF).label
        shown = painted(f"{level:<8}", level if level != "off" else "dim", colour)
        only = f" (on with the profile {rule.profile})" if rule.profile and level == "off" else ""
        click.echo(f"  {rule.name:<{width}}  {shown} {rule.summary}{only}", color=True)
    click.echo("\n`elf-sqlcheck explain RULE` says why a rule is there and what to write instead.")


def _show_squawk(output_format: str) -> None:
    from json import dumps

    from elf_sqlcheck.squawk import ALIASES, SQUAWK, ours

    names = sorted(SQUAWK.keys() | ALIASES.keys())
    if output_format == "json":
        click.echo(dumps({"version": 1, "squawk": {name: list(ours(name)) for name in names}}, indent=2))
        return
    width = max(map(len, names))
    for name in names:
        click.echo(f"{name:<{width}}  {', '.join(ours(name)) or '(nothing)'}")
    click.echo("\n`-- squawk-ignore NAME` is understood; `elf-sqlcheck config import squawk` reads a .squawk.toml.")


def _all(config: Config) -> tuple[Rule, ...]:
    return registry.load(config.absolute(config.rules_dir) if config.rules_dir else None, base=config.base)


def _entry(rule: Rule, running: Mapping[str, Severity]) -> dict[str, str]:
    return {
        "name": rule.name,
        "family": rule.family,
        "severity": running.get(rule.name, Severity.OFF).label,
        "summary": rule.summary,
        "profile": rule.profile,
    }


rules.add_command(new)


@click.command()
@click.argument("name", metavar="RULE")
@options.configured
def explain(name: str, *, config_file: str | None, isolated: bool) -> None:
    """Say what a rule finds, why that matters and what to write instead.

    \b
    Example:
      elf-sqlcheck explain unindexed-foreign-key
    """
    everything = {rule.name: rule for rule in _all(meaning.settings(config_file, isolated))}
    rule = everything.get(name)
    if rule is None:
        raise registry.unknown_rule(name, everything)
    from elf_sqlcheck.reports.explain import explain as explained

    click.echo(explained(rule), nl=False)


@click.group(invoke_without_command=True)
@_output_format
@click.option("--dir", "directory", metavar="DIR", default="", help="The migrations folder to show instead.")
@options.configured
@click.pass_context
def config(
    context: click.Context, /, output_format: str, *, directory: str, config_file: str | None, isolated: bool
) -> None:
    """Show the configuration that counts here, and where it comes from.

    \b
    Examples:
      elf-sqlcheck config
      elf-sqlcheck config --config ci/elf-sqlcheck.toml --output-format json
      elf-sqlcheck config import squawk
    """
    if context.invoked_subcommand:
        return
    from elf_sqlcheck.sources import default_folder

    found = meaning.settings(config_file, isolated)
    values = _values(found, default_folder(found, directory))
    if output_format == "json":
        from json import dumps

        click.echo(inert.json(dumps({"version": 1, "path": found.path, **values}, indent=2)))
        return
    click.echo(f"# from {clean(found.path)}" if found.path else "# no configuration file: these are the defaults")
    for line in _toml(values):
        click.echo(line)


@config.command("import")
@click.argument("tool", type=click.Choice(["squawk"]))
@click.argument("file", required=False)
@click.option("--write", is_flag=True, help="Write it into elf-sqlcheck.toml beside FILE instead of showing it.")
def import_(tool: str, file: str | None, *, write: bool) -> None:  # noqa: ARG001 - there is one tool so far
    """Say another linter's configuration in our words; FILE is found as the other finds it.

    \b
    Examples:
      elf-sqlcheck config import squawk
      elf-sqlcheck config import squawk ci/.squawk.toml --write
    """
    from elf_sqlcheck import squawk

    path = file or squawk.find(".")
    if not path:
        raise UsageError(f"there is no {squawk.FILE} here or above", "name the file")
    text = squawk.convert(squawk.read(path), registry.load(), path)
    if not write:
        click.echo(text, nl=False)
        return
    folder = os.path.dirname(path) or "."
    there = load(folder).path
    if there:
        advice = f"leave --write out, and put what is shown into {os.path.relpath(there)}"
        raise UsageError(f"{os.path.relpath(there)} configures elf-sqlcheck already", advice)
    target = os.path.join(folder, OWN_FILE)
    meaning.write(target, text, "x", "check the permissions of its folder")
    click.echo(f"Wrote {os.path.normpath(target)}. Next: `elf-sqlcheck lint`.")


def _values(found: Config, directory: str) -> dict[str, object]:
    """The configuration by its keys; no URL with a password is ever shown."""
    return {
        "dir": directory,
        "exclude": list(found.exclude),
        "select": list(found.select),
        "extend-select": list(found.extend_select),
        "ignore": list(found.ignore),
        "fail-on": found.fail_on.label,
        "profile": found.profile,
        "auto-expose": found.auto_expose,
        "exposed-schemas": list(found.exposed_schemas),
        "layout": found.layout,
        "postgres-version": found.postgres_version,
        "main-branch": found.main_branch,
        "rules-dir": found.rules_dir,
        "baseline": found.baseline,
        "lock-timeout": found.lock_timeout,
        "small-table-rows": found.small_table_rows,
        "table-sizes": {name: _size(size) for name, size in found.table_sizes.items()},
        "queries": list(found.queries),
        "severity": {name: level.label for name, level in found.severity.items()},
        "per-file-ignores": {pattern: list(names) for pattern, names in found.per_file_ignores.items()},
        "teams": {name: _team(team) for name, team in found.teams.items()},
        "env": {name: _environment(environment) for name, environment in found.env.items()},
        "hooks": {moment: list(command) for moment, command in found.hooks.commands.items()}
        | {"timeout": found.hooks.timeout},
    }


def _team(team: Team) -> dict[str, object]:
    """A team as the configuration writes it."""
    return {"schemas": list(team.schemas), "role": team.role, "roles": list(team.roles)}


def _environment(environment: Environment) -> dict[str, object]:
    """An environment as the configuration writes it, but for its URL, which may hold a password."""
    return {
        "url": "(set, not shown)" if environment.url else "",
        "url-env": environment.url_env,
        "url-credential": environment.url_credential,
        "password-credential": environment.password_credential,
        "project": environment.project,
        "lock-timeout": environment.lock_timeout,
        "statement-timeout": environment.statement_timeout,
        "profile": environment.profile,
        "protected": environment.protected,
        "branch": list(environment.branch),
        "team-roles": environment.team_roles,
        "supabase-history": environment.supabase_history,
        "backup": environment.backup,
    }


def _size(size: TableSize) -> object:
    """A size as the configuration writes it."""
    known = {"rows": size.rows, "bytes": size.bytes, "writes-per-second": size.writes_per_second}
    fields = {key: value for key, value in known.items() if value is not None}
    return fields if len(fields) > 1 else size.rows


def _toml(values: Mapping[str, object], table: str = "") -> Iterator[str]:
    from json import dumps

    tables = {key: value for key, value in values.items() if isinstance(value, dict) and value}
    for key, value in values.items():
        if value == "":
            yield f"# {_key(key)} is not set"
        elif not isinstance(value, dict):
            yield f"{_key(key)} = {_visible(dumps(value, ensure_ascii=False))}"
    for key, value in tables.items():
        name = f"{table}.{_key(key)}" if table else _key(key)
        if not all(isinstance(entry, dict) for entry in value.values()):
            yield f"\n[{name}]"
        yield from _toml(value, name)


def _visible(text: str) -> str:
    """A value of TOML with what cannot be seen as escapes of TOML, so that it can still be read back."""
    shown = "".join(character if clean(character) == character else _escaped(ord(character)) for character in text)
    return inert.json(shown)  # whose escapes are those of TOML


def _escaped(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _key(key: str) -> str:
    from json import dumps

    return key if key.replace("-", "").replace("_", "").isalnum() and key.isascii() else dumps(key)
