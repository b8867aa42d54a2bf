"""The SQL that makes an object as a snapshot has it; "" where the snapshot does not hold all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elf_sqlcheck.postgres import identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from elf_sqlcheck.postgres.snapshot import Key, Snapshot

#: What DROP and COMMENT call the kinds of a snapshot.
WORDS = {
    **{kind: kind.upper() for kind in (
        "aggregate", "column", "domain", "event trigger", "extension", "foreign table", "function", "index",
        "materialized view", "procedure", "publication", "schema", "sequence", "table", "type", "view",
    )},
    "enum": "TYPE",
    "range type": "TYPE",
}  # fmt: skip
_ON_TABLE = frozenset({"trigger", "policy", "rule"})
_GRANTED = {
    "foreign table": "TABLE",
    "view": "TABLE",
    "materialized view": "TABLE",
    "enum": "TYPE",
    "aggregate": "FUNCTION",
}
#: Settings that hold lists of names.
_LISTS = frozenset({"search_path", "temp_tablespaces", "session_preload_libraries", "local_preload_libraries"})
_OPTIONS = ("increment", "minimum", "maximum", "start", "cache")
_WORDS_OF_SEQUENCE = {"minimum": "MINVALUE", "maximum": "MAXVALUE"}


def create(key: Key, snapshot: Snapshot) -> str:
    """The statements that make the object and all that hangs on it, in an order in which they run."""
    written = list(_written(key, snapshot))
    return "" if "" in written else "\n".join(written)


def drop(key: Key, hangs_on: tuple[Key, ...] = ()) -> str:
    """The statement that takes the object away; `hangs_on` is what it belongs to, innermost first."""
    kind, name = key
    if kind == "column" and hangs_on:
        table = hangs_on[0][1]
        return f"ALTER TABLE {table} DROP COLUMN IF EXISTS {name[len(table) + 1 :]};"
    if kind == "constraint":
        own, holder = identity.part(name)
        of = "DOMAIN" if hangs_on and hangs_on[0][0] == "domain" else "TABLE"
        return f"ALTER {of} {holder} DROP CONSTRAINT IF EXISTS {own};"
    if kind in _ON_TABLE:
        own, holder = identity.part(name)
        return f"DROP {kind.upper()} IF EXISTS {own} ON {holder};"
    return f"DROP {WORDS[kind]} IF EXISTS {name};" if kind in WORDS and kind != "column" else ""


def comment(key: Key, text: str | None) -> str:
    """The statement that sets a comment, or takes it away (None)."""
    kind, name = key
    value = "NULL" if text is None else literal(text)
    if kind == "constraint" or kind in _ON_TABLE:
        return f"COMMENT ON {kind.upper()} {' ON '.join(identity.part(name))} IS {value};"
    return f"COMMENT ON {WORDS[kind]} {name} IS {value};" if kind in WORDS else ""


def grant(name: str, granted: str, *, revoke: bool = False) -> str:
    """GRANT or REVOKE of privileges as a snapshot names them: "reader on table public.t" and "SELECT, INSERT"."""
    grantee, rest = identity.part(name)
    kind = next((kind for kind in WORDS if rest.startswith(f"{kind} ")), "")
    if not kind or kind == "column" or "with grant option" in granted:
        return ""
    target = f"{_GRANTED.get(kind, WORDS[kind])} {rest[len(kind) + 1 :]}"
    return f"{'REVOKE' if revoke else 'GRANT'} {granted} ON {target} {'FROM' if revoke else 'TO'} {grantee};"


def column(key: Key, attributes: dict[str, Any], table: str) -> str:
    """The definition of a column, as CREATE TABLE and ADD COLUMN take it; "" for what they do not."""
    words = [key[1][len(table) + 1 :], attributes["type"]]
    if attributes.get("collation"):
        words.append(f"COLLATE {attributes['collation']}")
    default = attributes.get("default")
    if default and "its own sequence" in default:
        return ""
    if generated := attributes.get("generated"):
        expression, _, stored = generated.rpartition(" ")
        words.append(f"GENERATED ALWAYS AS ({expression}) {stored.upper()}")
    if attributes.get("identity"):
        words.append(f"GENERATED {attributes['identity'].upper()} AS IDENTITY")
    if default:
        words.append(f"DEFAULT {default}")
    if attributes["not null"]:
        words.append("NOT NULL")
    return " ".join(words)


def literal(text: str) -> str:
    """The text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def _written(key: Key, snapshot: Snapshot) -> Iterator[str]:
    attributes = snapshot.objects[key]
    if key[0] == "table":
        yield _table(key, snapshot)
    else:
        maker = _CREATE.get(key[0])
        yield maker(key, attributes, snapshot) if maker else ""
    if attributes.get("comment"):
        yield comment(key, attributes["comment"])
    columns = snapshot.orders.get(key, ())
    for child, parent in snapshot.parents.items():
        if parent == key and child in columns:
            if snapshot.objects[child].get("comment"):
                yield comment(child, snapshot.objects[child]["comment"])
        elif parent == key and not (child[0] == "sequence" and key[0] == "column"):
            yield from _written(child, snapshot)


def _table(key: Key, snapshot: Snapshot) -> str:
    attributes = snapshot.objects[key]
    if set(attributes) - {"persistence", "row level security", "forced row level security", "comment"}:
        return ""
    lines = [column(one, snapshot.objects[one], key[1]) for one in snapshot.orders.get(key, ())]
    if "" in lines:
        return ""
    unlogged = "UNLOGGED " if attributes["persistence"] == "unlogged" else ""
    text = f"CREATE {unlogged}TABLE {key[1]} (" + ", ".join(lines) + ");"
    for attribute, word in (("row level security", "ENABLE"), ("forced row level security", "FORCE")):
        if attributes[attribute]:
            text += f"\nALTER TABLE {key[1]} {word} ROW LEVEL SECURITY;"
    return text


def _column(key: Key, attributes: dict[str, Any], snapshot: Snapshot) -> str:
    table = snapshot.parents[key][1]
    written = column(key, attributes, table)
    return f"ALTER TABLE {table} ADD COLUMN {written};" if written else ""


def _constraint(key: Key, attributes: dict[str, Any], snapshot: Snapshot) -> str:
    own, holder = identity.part(key[1])
    of = "DOMAIN" if snapshot.parents[key][0] == "domain" else "TABLE"
    late = "" if attributes["validated"] else " NOT VALID"
    return f"ALTER {of} {holder} ADD CONSTRAINT {own} {attributes['definition']}{late};"


def _index(key: Key, attributes: dict[str, Any], _: Snapshot) -> str:
    name = key[1].removeprefix(key[1].rpartition(".")[0] + ".") if '"' not in key[1] else ""
    if not name or not attributes["valid"]:
        return ""
    return str(attributes["definition"]).replace(" INDEX ON ", f" INDEX {name} ON ", 1) + ";"


def _defined(_: Key, attributes: dict[str, Any], __: Snapshot) -> str:
    return str(attributes["definition"]).rstrip(";") + ";"


def _view(key: Key, attributes: dict[str, Any], _: Snapshot) -> str:
    options = f" WITH ({', '.join(attributes['options'])})" if attributes.get("options") else ""
    empty = " WITH NO DATA" if attributes.get("populated") is False else ""
    return f"CREATE {WORDS[key[0]]} {key[1]}{options} AS\n{attributes['definition'].rstrip().rstrip(';')}{empty};"


def _policy(key: Key, attributes: dict[str, Any], _: Snapshot) -> str:
    own, table = identity.part(key[1])
    text = f"CREATE POLICY {own} ON {table}" + ("" if attributes["permissive"] else " AS RESTRICTIVE")
    text += f" FOR {attributes['command']} TO {', '.join(attributes['roles'])}"
    for attribute, word in (("using", "USING"), ("with check", "WITH CHECK")):
        if attributes[attribute]:
            text += f" {word} ({attributes[attribute]})"
    return f"{text};"


def _enum(key: Key, attributes: dict[str, Any], _: Snapshot) -> str:
    labels = ", ".join(map(literal, attributes.get("labels", ())))
    return f"CREATE TYPE {key[1]} AS ENUM ({labels});"


def _domain(key: Key, attributes: dict[str, Any], _: Snapshot) -> str:
    words = [f"CREATE DOMAIN {key[1]} AS {attributes['base type']}"]
    if attributes.get("collation"):
        words.append(f"COLLATE {attributes['collation']}")
    if attributes.get("default"):
        words.append(f"DEFAULT {attributes['default']}")
    if attributes["not null"]:
        words.append("NOT NULL")
    return " ".join(words) + ";"


def _type(key: Key, attributes: dict[str, Any], _: Snapshot) -> str:
    return (
        f"CREATE TYPE {key[1]} AS ({', '.join(attributes['attributes'] or ())});" if "attributes" in attributes else ""
    )


def _sequence(key: Key, attributes: dict[str, Any], _: Snapshot) -> str:
    options = " ".join(f"{_WORDS_OF_SEQUENCE.get(name, name.upper())} {attributes[name]}" for name in _OPTIONS)
    owner = f" OWNED BY {attributes['owned by']}" if attributes.get("owned by") else ""
    return f"CREATE SEQUENCE {key[1]} AS {attributes['type']} {options}{' CYCLE' * attributes['cycle']}{owner};"


def _function(key: Key, attributes: dict[str, Any], _: Snapshot) -> str:
    if attributes.get("library") or attributes.get("window"):
        return ""
    name = key[1].partition("(")[0]
    words = [f"CREATE OR REPLACE {key[0].upper()} {name}({attributes['arguments']})"]
    if key[0] == "function":
        words.append(f"RETURNS {attributes['result']}")
    words.append(f"LANGUAGE {attributes['language']}")
    if key[0] == "function":
        words.append(attributes["volatility"].upper())
        words += ["STRICT"] * attributes["strict"] + ["LEAKPROOF"] * attributes["leakproof"]
        words += [] if attributes["parallel"] == "unsafe" else [f"PARALLEL {attributes['parallel'].upper()}"]
    words += ["SECURITY DEFINER"] * (attributes["security"] == "definer")
    words += [_setting(*one.split("=", 1)) for one in attributes.get("settings", ())]
    body = attributes["body"]
    if body.lstrip().startswith(("BEGIN ATOMIC", "RETURN ")) and attributes["language"] == "sql":
        return " ".join(words) + f"\n{body};"
    mark = next(mark for mark in ("$$", "$body$", "$elf$", "$f$") if mark not in body)
    return " ".join(words) + f" AS {mark}{body}{mark};"


def _setting(name: str, value: str) -> str:
    """SET of a function: names in lists are kept as they are quoted, and "" is no name but as a literal."""
    if name not in _LISTS:
        return f"SET {name} TO {literal(value)}"
    listed = [one.strip().strip('"') for one in value.split(",")]
    return f"SET {name} TO {', '.join(map(literal, listed))}"


def _schema(key: Key, _: dict[str, Any], __: Snapshot) -> str:
    return f"CREATE SCHEMA {key[1]};"


def _extension(key: Key, attributes: dict[str, Any], _: Snapshot) -> str:
    return f"CREATE EXTENSION {key[1]} SCHEMA {attributes['schema']};"


def _privileges(key: Key, attributes: dict[str, Any], _: Snapshot) -> str:
    return grant(key[1], attributes["granted"]) if attributes["by default"] == "none" else ""


_CREATE: dict[str, Callable[[Key, dict[str, Any], Snapshot], str]] = {
    "column": _column,
    "constraint": _constraint,
    "domain": _domain,
    "enum": _enum,
    "extension": _extension,
    "function": _function,
    "index": _index,
    "materialized view": _view,
    "policy": _policy,
    "privileges": _privileges,
    "procedure": _function,
    "rule": _defined,
    "schema": _schema,
    "sequence": _sequence,
    "trigger": _defined,
    "type": _type,
    "view": _view,
}
