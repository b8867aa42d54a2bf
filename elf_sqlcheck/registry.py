"""Which rules there are and which of them run.

Built-in rules are the modules of `elf_sqlcheck.rules`, listed here; more come from entry points of the group
`elf_sqlcheck.rules` and from a folder that the configuration names. Whatever cannot be loaded ends the run: a safety
tool never fails open.
"""

from __future__ import annotations

from functools import partial

from elf_sqlcheck.errors import ConfigError, RuleError, closest
from elf_sqlcheck.finding import is_style
from elf_sqlcheck.later import module_named
from elf_sqlcheck.machine import lacks
from elf_sqlcheck.model import Severity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import ModuleType
    from typing import Any

    from elf_sqlcheck.rule import Rule
    from elf_sqlcheck.trust import Base

#: A family that is too large for one module has more, named after it: `files_order` belongs to `files`.
MODULES = (
    "naming", "naming_constraints",
    "primary_key",
    "uuid",
    "created_at",
    "foreign_keys",
    "types",
    "portability", "portability_versions",
    "idempotency",
    "rollback", "rollback_down", "rollback_names", "rollback_values",
    "locking", "locking_indexes", "locking_constraints", "locking_keys", "locking_rewrites",
    "data", "data_rows", "data_writes", "data_renames",
    "transactions", "transactions_control", "transactions_enums", "transactions_session",
    "secrets", "secrets_entropy",
    "access", "access_functions", "access_system",
    "rls", "rls_policies", "rls_views", "rls_schemas",
    "teams",
    "files", "files_assertions", "files_order", "files_undone",
    "suppressions",
    "verify", "verify_observed", "verify_session", "verify_traffic", "verify_rows", "verify_rollback", "verify_queries",
    "verify_access",
)  # fmt: skip
GROUP = "elf_sqlcheck.rules"
_SQLFLUFF = "its rules are explained at https://docs.sqlfluff.com/en/stable/reference/rules.html"


def builtin() -> tuple[Rule, ...]:
    """The rules that come with the package, family by family."""
    found: list[Rule] = []
    for module in MODULES:
        found += _rules_of(f"{__package__}.rules.{module}", "elf-sqlcheck")
    return _unique(found)


def load(rules_dir: str | None = None, *, plugins: bool = True, base: Base | None = None) -> tuple[Rule, ...]:
    """All rules: built-in, of entry points, of `rules_dir`, as that was in `base`, if there is one.

    Raises RuleError when one cannot be loaded.
    """
    found = list(builtin())
    if plugins:
        found += _entry_points()
    if rules_dir:
        found += _folder(rules_dir, base)
    return _unique(found)


def _rules_of(module: str, origin: str) -> tuple[Rule, ...]:
    return _rules(f"of {module} ({origin})", lambda: module_named(module))


def _rules(where: str, load_module: Callable[[], Any]) -> tuple[Rule, ...]:
    """RULES of a module; `where` tells the user which one it is."""
    from elf_sqlcheck.rule import Rule

    try:
        rules = load_module().RULES
    except Exception as error:
        if isinstance(error, OSError) and lacks(error):
            raise
        raise RuleError(
            f"the rules {where} cannot be loaded: {type(error).__name__}: {error}",
            "mend or remove them; nothing was checked",
        ) from error
    if not isinstance(rules, tuple) or not all(isinstance(rule, Rule) for rule in rules):
        raise RuleError(f"RULES {where} is not a tuple of Rule values", "see elf_sqlcheck/rule.py")
    return rules


def _entry_points() -> list[Rule]:
    """Rules of other packages; their metadata is looked at only when some package on the path declares the group."""
    import os
    import sys

    found: list[Rule] = []
    for folder in sys.path:
        try:
            names = [name for name in os.listdir(folder or ".") if name.endswith(".dist-info")]
        except OSError:
            continue
        for name in names:
            path = os.path.join(folder, name, "entry_points.txt")
            try:
                with open(path, encoding="utf-8") as file:
                    lines = file.read().splitlines()
            except OSError:
                continue
            if f"[{GROUP}]" not in lines:
                continue
            for line in lines[lines.index(f"[{GROUP}]") + 1 :]:
                if line.startswith("["):
                    break
                _, separator, target = line.partition("=")
                if separator:
                    found += _rules_of(target.partition(":")[0].strip(), name.removesuffix(".dist-info"))
    return found


def _folder(folder: str, base: Base | None) -> list[Rule]:
    """The rules of all modules of a folder that the configuration names; this runs their code."""
    import os

    if base is not None and base.inside(folder) is None:
        base = None
    names = base.names(folder) if base else os.listdir(folder) if os.path.isdir(folder) else ()
    if not names and (base or not os.path.isdir(folder)):
        raise ConfigError(f"the rules folder {folder} does not exist", "correct `rules-dir` in the configuration")
    found: list[Rule] = []
    for name in sorted(name for name in names if name.endswith(".py") and not name.startswith("_")):
        path = os.path.join(folder, name)
        found += _rules(f"in {path}", partial(_module_at, path, base))
    return found


def _module_at(path: str, base: Base | None) -> ModuleType:
    """The module in a file that is on no import path, as the file was in `base`, if there is one."""
    import os
    from importlib.util import module_from_spec, spec_from_file_location

    name = f"elf_sqlcheck_own_rules.{os.path.basename(path)[:-3]}"
    if base is None:
        spec = spec_from_file_location(name, path)
    else:
        from elf_sqlcheck.kept_source import KeptSource

        spec = spec_from_file_location(name, path, loader=KeptSource(name, path, base.read(path) or b""))
    assert spec is not None and spec.loader is not None  # noqa: S101, PT018 - a .py file always has both
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _unique(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    seen: dict[str, Rule] = {}
    for rule in rules:
        if rule.name in seen:
            raise RuleError(f"two rules are called {rule.name}", "give each rule its own name")
        seen[rule.name] = rule
    return tuple(seen.values())


def select(
    rules: Iterable[Rule],
    select: Iterable[str] = (),
    extend: Iterable[str] = (),
    ignore: Iterable[str] = (),
    *,
    profile: str = "",
    severity: Mapping[str, str] | None = None,
) -> tuple[Rule, ...]:
    """The rules that run. Names of rules and families count; `select` replaces the default set, `extend` adds to it.

    `severity` maps rules to other severities ("off" leaves them out). Raises ConfigError for an unknown name.
    """
    rules = tuple(rules)
    known = {rule.name for rule in rules} | {rule.family for rule in rules}
    chosen, added, left_out = frozenset(select), frozenset(extend), frozenset(ignore)
    changed = dict(severity or {})
    for name in (*chosen, *added, *left_out, *changed):
        if name not in known:
            raise unknown_rule(name, known)
    result: list[Rule] = []
    for rule in rules:
        names = {rule.name, rule.family}
        named = bool(names & (chosen | added))
        by_default = not chosen and rule.severity > Severity.OFF and rule.profile in {"", profile}
        if (named or by_default) and not names & left_out:
            word = changed.get(rule.name) or changed.get(rule.family)
            if word == "off":
                continue
            level = Severity[word.upper()] if word else rule.severity
            result.append(rule.replace(severity=level if level > Severity.OFF else Severity.WARNING))
    return tuple(result)


def unknown_rule(name: str, known: Iterable[str]) -> ConfigError:
    """The error for a rule that does not exist, with the nearest that does."""
    of_style = any(map(is_style, known))
    if is_style(name) and not of_style:
        return ConfigError(f"{name} is found by `elf-sqlcheck style`, not by lint", _SQLFLUFF)
    near = closest(name, known)
    advice = f"did you mean {near}?" if near else f"`{'sqlfluff' if of_style else 'elf-sqlcheck'} rules` lists them all"
    return ConfigError(f"there is no rule or family called {name}", advice)
