"""squawk's names of rules and ours, and a `.squawk.toml` in our words.

The table holds all rules of squawk 2.70 (https://squawkhq.com/docs/rules); tests hold that each of ours finds the same.
"""

from __future__ import annotations

import os

from elf_sqlcheck.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from elf_sqlcheck.rule import Rule

FILE = ".squawk.toml"
#: What finds the same here.
_SAME: Mapping[str, tuple[str, ...]] = {
    "adding-field-with-default": ("add-column-rewrite",),
    "adding-foreign-key-constraint": ("foreign-key-without-not-valid",),
    "adding-not-nullable-field": ("set-not-null-scan",),
    "adding-required-field": ("not-null-without-default",),
    "adding-serial-primary-key-field": ("primary-key-without-using-index",),
    "ban-char-field": ("char-type",),
    "ban-concurrent-index-creation-in-transaction": ("concurrently-in-transaction",),
    "ban-drop-column": ("drop-column",),
    "ban-drop-database": ("drop-database",),
    "ban-drop-schema": ("drop-schema",),
    "ban-drop-table": ("drop-table",),
    "ban-truncate-cascade": ("truncate",),
    "ban-uncommitted-transaction": ("unclosed-transaction",),
    "changing-column-type": ("column-type-rewrite",),
    "constraint-missing-not-valid": (
        "check-without-not-valid", "foreign-key-without-not-valid", "validate-in-same-transaction",
    ),
    "disallowed-unique-constraint": ("unique-without-using-index",),
    "identifier-too-long": ("identifier-too-long",),
    "prefer-identity": ("serial-type",),
    "prefer-repack": ("table-rewrite",),
    "prefer-robust-stmts": ("create-without-if-not-exists", "drop-without-if-exists"),
    "prefer-timestamp-tz": ("prefer-timestamptz",),
    "renaming-column": ("rename-column",),
    "renaming-table": ("rename-table",),
    "require-concurrent-index-creation": ("index-without-concurrently",),
    "require-concurrent-index-deletion": ("drop-index-without-concurrently",),
    "require-concurrent-partition-detach": ("partition-detach",),
    "require-concurrent-reindex": ("reindex-without-concurrently",),
    "require-lock-timeout": ("missing-lock-timeout",),
    "transaction-nesting": ("nested-transaction", "unclosed-transaction"),
}  # fmt: skip
#: Rules that nothing here is like.
_UNLIKE = frozenset([
    "ban-alter-domain-with-add-constraint", "ban-alter-identity", "ban-create-domain-with-constraint",
    "ban-drop-constraint", "ban-drop-default", "ban-drop-domain", "ban-drop-extension", "ban-drop-function",
    "ban-drop-generated-expression", "ban-drop-not-null", "ban-drop-sequence", "ban-drop-type", "ban-drop-view",
    "ban-duplicate-column-assignments", "ban-set-schema", "prefer-bigint-over-int", "prefer-bigint-over-smallint",
    "prefer-text-field", "renaming-object", "require-enum-value-ordering", "require-statement-timeout",
])  # fmt: skip
#: What squawk runs only when it is named in `included_rules`; nothing here is like these either.
_OPT_IN = frozenset([
    "ban-add-column", "ban-add-composite-attribute", "ban-add-enum-value", "ban-alter-database-options",
    "ban-alter-extension", "ban-alter-function-options", "ban-alter-generated-expression",
    "ban-alter-policy-condition", "ban-alter-policy-roles", "ban-alter-role-options",
    "ban-alter-row-level-security", "ban-alter-sequence-values", "ban-alter-system-options",
    "ban-alter-view-options", "ban-create-policy", "ban-detach-inheritance", "ban-disable-trigger",
    "ban-drop-index", "ban-drop-policy", "ban-drop-trigger", "ban-new-write-restriction",
    "ban-replace-view-function", "ban-replica-identity", "ban-revoke", "ban-set-default", "require-table-schema",
])  # fmt: skip
#: What finds the same here, () where nothing does.
SQUAWK: Mapping[str, tuple[str, ...]] = {**dict.fromkeys((*_UNLIKE, *_OPT_IN), ()), **_SAME}
#: Names that squawk takes for others.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "prefer-big-int": ("prefer-bigint-over-int",),
    "prefer-timestamptz": ("prefer-timestamp-tz",),
    "require-timeout-settings": ("require-lock-timeout", "require-statement-timeout"),
}
_KEYS = {
    "excluded_paths": list,
    "excluded_rules": list,
    "included_rules": list,
    "pg_version": str,
    "assume_in_transaction": bool,
    "upload_to_github": dict,
}


def ours(name: str) -> tuple[str, ...]:
    """Our names for what a rule of squawk finds, () where there are none."""
    return tuple(rule for meant in ALIASES.get(name, (name,)) for rule in SQUAWK.get(meant, ()))


def convert(table: Mapping[str, object], rules: Iterable[Rule], origin: str) -> str:
    """A configuration of ours, in TOML, that finds what squawk finds with the settings of `table`, and more.

    What has no counterpart is said in comments. `rules` are those that exist here, `origin` is the path of squawk's
    file. Raises UsageError when a setting is not what squawk takes.
    """
    for key, value in table.items():
        if key in _KEYS and not isinstance(value, _KEYS[key]):
            raise UsageError(f"{origin}: {key} is no {_KINDS[_KEYS[key]]}", "correct it there first")
    lines = [f"# Made from {_line(origin)} by `elf-sqlcheck config import squawk`.", *_rules(table, tuple(rules))]
    paths = _names(table, "excluded_paths")
    if paths:
        lines += ["", f"exclude = {_list(paths)}"]
    lines += _version(table)
    return "\n".join([*lines, *_remarks(table)]) + "\n"


_KINDS = {list: "list", str: "text in quotes", bool: "true or false", dict: "table"}


def _rules(table: Mapping[str, object], rules: tuple[Rule, ...]) -> Iterator[str]:
    """What is ignored: our rules of which no rule that squawk still runs would speak."""
    excluded, included = _meant(_names(table, "excluded_rules")), _meant(_names(table, "included_rules"))
    running = ((SQUAWK.keys() - _OPT_IN) | set(included)) - set(excluded)
    kept = {name for rule in running for name in SQUAWK.get(rule, ())}
    known = {rule.name for rule in rules}
    ignored: dict[str, None] = {}
    for name in excluded:
        found = [rule for rule in SQUAWK.get(name, ()) if rule in known]
        if name not in SQUAWK:
            yield f"# excluded rule {_line(name)}: no rule of squawk is known by that name"
        elif not found:
            yield f"# excluded rule {_line(name)}: nothing finds that here, so there is nothing to ignore"
        elif set(found) <= kept:
            yield f"# excluded rule {_line(name)}: {' and '.join(found)} stays on for what squawk's other rules find"
        ignored.update(dict.fromkeys(rule for rule in found if rule not in kept))
    for name in included:
        if not SQUAWK.get(name):
            yield f"# included rule {_line(name)}: nothing finds that here"
    if ignored:
        yield f"ignore = {_list(ignored)}"
    off = [rule.name for rule in rules if not rule.severity and rule.name in kept]
    if off:
        yield "# On in squawk, and off here unless it is selected:"
        yield f"extend-select = {_list(off)}"


def _meant(names: Iterable[str]) -> tuple[str, ...]:
    """The rules that are meant, each once, by the name that squawk prints."""
    return tuple(dict.fromkeys(meant for name in names for meant in ALIASES.get(name, (name,))))


def _names(table: Mapping[str, object], key: str) -> tuple[str, ...]:
    found = table.get(key, [])
    return tuple(str(name) for name in found) if isinstance(found, list) else ()


def _version(table: Mapping[str, object]) -> list[str]:
    text = str(table.get("pg_version", ""))
    major = text.partition(".")[0]
    if not text:
        return []
    if major.isdecimal() and len(major) < 5 and 10 <= int(major) <= 99:
        return [f"postgres-version = {int(major)}"]
    return [f"# pg_version = {_quoted(text)}: only the major versions from 10 on can be named here"]


def _remarks(table: Mapping[str, object]) -> Iterator[str]:
    if "assume_in_transaction" in table:
        yield "# assume_in_transaction: every file is taken to run in one transaction, unless its header says"
        yield "# `-- Transaction: none`, as CREATE INDEX CONCURRENTLY needs it."
    if "upload_to_github" in table:
        yield "# upload_to_github: in GitHub Actions findings are annotations and a job summary; errors fail the job,"
        yield '# and with fail-on = "warning" so do warnings.'
    for key in table:
        if key not in _KEYS:
            yield f"# {_line(key)}: no setting of squawk is known by that name"


def _list(names: Iterable[str]) -> str:
    return "[" + ", ".join(_quoted(name) for name in names) + "]"


def _quoted(text: str) -> str:
    from json import dumps

    return dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _line(text: str) -> str:
    """A text of somebody else as it may stand in a comment, which it must not end."""
    return text if text.isprintable() else ascii(text)


def find(start: str) -> str:
    """The `.squawk.toml` that counts for a folder, as squawk itself finds it: there or above; "" when there is none."""
    folder = os.path.abspath(start)
    while True:
        path = os.path.join(folder, FILE)
        if os.path.isfile(path):
            return os.path.relpath(path, start)
        if folder == os.path.dirname(folder):
            return ""
        folder = os.path.dirname(folder)


def read(path: str) -> dict[str, object]:
    """The settings in a file of squawk; raises UsageError when it cannot be read or is no TOML."""
    import tomllib

    try:
        with open(path, "rb") as file:
            return tomllib.loads(file.read().decode())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "name squawk's configuration file") from error
    except ValueError as error:
        raise UsageError(f"{path} is no valid TOML: {error}", "correct that place") from error
