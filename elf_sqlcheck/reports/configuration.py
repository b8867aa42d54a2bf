"""The page about the configuration, docs/configuration.md: what config.schema.json says, for people.

The schema is the one place where a key is described; tests hold it to what `config.load` accepts.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_INTRODUCTION = """\
# Configuration

Made from [config.schema.json](../elf_sqlcheck/config.schema.json) by `python -m elf_sqlcheck.cli.reference docs`; do \
not edit it by hand.

`elf-sqlcheck.toml`, or `[tool.elf-sqlcheck]` in `pyproject.toml`: the nearest counts, from the working directory up \
to the root of the repository. Paths and patterns are relative to its folder. An unknown key is an error, and an \
option of the command line goes before the file. `elf-sqlcheck config` shows what counts where you are.

An editor with a TOML language server (taplo, Even Better TOML) completes and checks the keys once the file's first \
line names the schema, by a path to where elf-sqlcheck is installed or cloned:

```toml
#:schema ./elf_sqlcheck/config.schema.json
```
"""
#: The tables whose keys have a section of the page, with the heading of their example: their definitions in the schema.
_TABLES = {
    "[env.NAME]": ("environment", "[env.production]"),
    "[hooks]": ("hooks", "[hooks]"),
    "[teams]": ("team", ""),
    "[table-sizes]": ("size", ""),
}


def schema() -> dict[str, Any]:
    """The JSON schema (draft 7) of the configuration."""
    found: dict[str, Any] = json.loads(files("elf_sqlcheck").joinpath("config.schema.json").read_text("utf-8"))
    return found


def page() -> str:
    """The page, in Markdown."""
    whole = schema()
    definitions = whole["definitions"]
    keys = whole["properties"]
    lines = [_INTRODUCTION, "## Keys", "", *_table(keys, definitions), "", "```toml", *_example(keys), "```"]
    for table, (definition, heading) in _TABLES.items():
        entries = next(
            part["properties"] for part in _parts(definitions[definition], definitions) if "properties" in part
        )
        if heading:
            about = keys[table.strip("[]").partition(".")[0]]["description"]
            example = ["", "```toml", heading, *_example(_apart(entries)), "```"]
            lines += ["", f"## `{table}`", "", about, "", *_table(entries, definitions), *example]
        else:
            lines += ["", f"## An entry of `{table}`", "", *_table(entries, definitions)]
    return "\n".join(lines) + "\n"


def _table(keys: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[str]:
    yield "| key | type | unless it is said | |"
    yield "|---|---|---|---|"
    for key, entry in keys.items():
        default = f"`{_toml(entry['default'])}`" if entry.get("default") not in (None, "", [], {}) else ""
        row = (f"`{key}`", _type(entry, definitions), default, entry["description"])
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _type(entry: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """What kind of value a key has, in words."""
    words: dict[str, None] = {}
    for part in _parts(entry, definitions):
        kind = part.get("type")
        if "enum" in part:
            words[" ".join(f'`"{word}"`' for word in part["enum"])] = None
        elif part.get("pattern") == definitions["interval"]["pattern"]:
            words['an interval, as `"5s"`'] = None
        elif isinstance(kind, str):
            words[_KINDS[kind]] = None
    return " or ".join(words)


_KINDS = {
    "array": "list of texts",
    "boolean": "true or false",
    "integer": "number",
    "number": "number",
    "object": "table",
    "string": "text",
}


def _parts(entry: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schemas that an entry is put together of, with references followed."""
    if "$ref" in entry:
        yield from _parts(definitions[entry["$ref"].rpartition("/")[2]], definitions)
        return
    several = [part for word in ("allOf", "anyOf") for part in entry.get(word, ()) if "not" not in part]
    if several and "type" not in entry:
        for part in several:
            yield from _parts(part, definitions)
    else:
        yield entry


def _apart(entries: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of an environment without those that exclude an earlier one."""
    addresses = ("url", "url-credential", "project")
    return {key: entry for key, entry in entries.items() if key not in addresses}


def _example(keys: Mapping[str, Any]) -> Iterator[str]:
    """A file that says every key that has an example; tables come last, as TOML wants it."""
    shown = {key: entry["examples"][0] for key, entry in keys.items() if entry.get("examples")}
    for key, value in shown.items():
        if not isinstance(value, dict):
            yield f"{key} = {_toml(value)}"
    for key, value in shown.items():
        if isinstance(value, dict):
            yield f"\n[{key}]"
            yield from (f"{_key(name)} = {_toml(entry)}" for name, entry in value.items())


def _toml(value: object) -> str:
    """A value as TOML writes it in a line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_toml(entry)}" for key, entry in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _key(key: str) -> str:
    return key if key.replace("-", "").replace("_", "").isalnum() and key.isascii() else json.dumps(key)
