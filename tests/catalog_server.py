"""A real server's schema in the words of `catalog_words`: its snapshot, and what that leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog.objects import quoted
from elf_sqlcheck.postgres.snapshot import snapshot
from tests import catalog_words as words

if TYPE_CHECKING:
    import psycopg

    from tests.catalog_words import Words

_MINE = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
_COLUMNS = f"""
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relkind, a.attname,
       format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attgenerated,
       a.attidentity,
       CASE WHEN a.attcollation <> t.typcollation
            THEN (SELECT collname FROM pg_collation o WHERE o.oid = a.attcollation) END
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE {_MINE} AND c.relkind IN ('r', 'p', 'f', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_CONSTRAINTS = f"""
SELECT k.conname, COALESCE(quote_ident(n.nspname) || '.' || quote_ident(c.relname),
                           quote_ident(m.nspname) || '.' || quote_ident(t.typname)),
       pg_get_constraintdef(k.oid), k.convalidated
FROM pg_constraint k LEFT JOIN pg_class c ON c.oid = k.conrelid LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_type t ON t.oid = k.contypid LEFT JOIN pg_namespace m ON m.oid = t.typnamespace
     LEFT JOIN pg_constraint up ON up.oid = k.conparentid
WHERE k.contype IN ('c', 'f', 'p', 'u', 'x') AND (c.oid IS NULL OR {_MINE})
      AND (k.contypid = 0 OR {_MINE.replace("n.", "m.")})
      AND NOT (k.contype = 'f' AND k.conparentid <> 0 AND up.conrelid = k.conrelid)
"""
_INDEXES = f"""
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), r.oid::regclass::text, pg_get_indexdef(c.oid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class r ON r.oid = i.indrelid
     JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {_MINE} AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x'))
"""
_READS = """
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), array_agg(DISTINCT d.refobjid::regclass::text)
FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_depend d ON d.objid = r.oid AND d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
          AND d.refobjid <> c.oid
WHERE r.rulename = '_RETURN' AND c.oid >= 16384 GROUP BY 1
"""
_PARENTS = """
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), array_agg(i.inhparent::regclass::text)
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f') GROUP BY 1
"""
_IDENTITIES = {"a": "always", "d": "by default"}
_KEPT = frozenset(["aggregate", "cast", "event trigger", "extension", "foreign server", "language", "publication",
                   "rule", "schema"])  # fmt: skip


def told_by_server(connection: psycopg.Connection[Any]) -> Words:
    """The database in the common words."""
    seen = snapshot(connection)
    found: Words = {}
    connection.execute("SET search_path TO ''")
    rows = {name: connection.execute(query).fetchall() for name, query in (
        ("columns", _COLUMNS), ("constraints", _CONSTRAINTS), ("indexes", _INDEXES), ("reads", _READS),
        ("parents", _PARENTS),
    )}  # fmt: skip
    connection.execute("RESET search_path")
    reads, parents = dict(rows["reads"]), dict(rows["parents"])
    output: dict[str, list[str]] = {}
    for table, kind, name, type_, not_null, default, generated, identity, collation in rows["columns"]:
        if kind in "vm":
            output.setdefault(table, []).append(name)
            continue
        found["column", f"{table}.{quoted(name)}"] = {
            "type": _type_text(type_),
            "not null": not_null,
            "default": None if generated else words.reread(default),
            "generated": words.reread(default) if generated else None,
            "stored": generated == "s",
            "identity": _IDENTITIES.get(identity, ""),
            "collation": collation,
        }
    for name, table, definition, valid in rows["constraints"]:
        if definition.startswith("CHECK") or not definition.startswith("TRIGGER"):
            found["constraint", f"{quoted(name)} on {table}"] = _reread_constraint(definition, valid=valid)
    for name, table, definition in rows["indexes"]:
        (change,) = words.changes_of(definition)
        assert isinstance(change, ch.CreateIndex)
        found["index", name] = {"on": table, **words.index_words(change)}
    for (spelled, identity), attributes in seen.objects.items():
        kind = _SPELLED.get(spelled, spelled)
        if "multirange" in identity:  # Postgres makes that of every range type
            continue
        if (kind, identity) == ("schema", "public") or identity.endswith("on schema public"):
            continue
        if "comment" in attributes:
            of = {"enum": "type", "range type": "type", "domain": "domain"}.get(kind, kind)
            found["comment", f"{of} {_plain(of, identity)}"] = {"text": attributes["comment"]}
        told = _SERVER.get(kind)
        if told:
            found[kind, identity] = told(attributes)
        elif kind == "privileges":
            grantee, _, rest = identity.partition(" on ")
            granted = [p for p in attributes["granted"].lower().split(", ") if p != "none"]
            default = [p for p in attributes["by default"].lower().split(", ") if p != "none"]
            if grantee != "postgres" and granted != default:
                of, _, name = rest.partition(" ")
                of, name = (of, name) if of != "materialized" else ("table", name.partition(" ")[2])
                of = _GRANT_WORDS.get(of, of)
                head, parenthesis, types = name.partition("(")
                place = head + parenthesis + types.replace("public.", "")
                found["privileges", f"{'public' if grantee == 'PUBLIC' else grantee} on {of} {place}"] = {
                    "granted": granted
                }
        elif kind in words.OTHERS:
            found[kind, _plain(kind, identity)] = {}
        if kind in {"table", "foreign table"}:
            found[kind, identity]["parents"] = sorted(parents.get(identity, ()))
        elif kind in {"view", "materialized view"}:
            found[kind, identity] = {
                "columns": output.get(identity, []),
                "reads": sorted(reads.get(identity, ())),
                "options": attributes.get("options") or [],
            }
    return found


_GRANT_WORDS = {"view": "table", "foreign": "table", "procedure": "function", "aggregate": "function", "enum": "type",
                "domain": "type", "range": "type"}  # fmt: skip


_SPELLED = {"statistics object": "statistics", "foreign-data wrapper": "foreign data wrapper",
            "server": "foreign server"}  # fmt: skip


def _plain(kind: str, identity: str) -> str:
    """An identity without what the catalog does not name an object by."""
    if kind == "cast":
        return identity.replace("pg_catalog.", "").replace("public.", "")
    plain = identity.split(" USING ", maxsplit=1)[0]
    return plain.partition("(")[0].replace('"', "") if kind in {"operator", "aggregate"} else plain


def _type_text(shown: str) -> str:
    return shown.removeprefix("public.")


def _reread_constraint(definition: str, *, valid: bool) -> dict[str, Any]:
    (change,) = words.changes_of(f"ALTER TABLE t ADD {definition}")
    assert isinstance(change, ch.AddConstraint)
    return {**words.constraint_words(change.constraint), "not valid": not valid}


def _server_trigger(attributes: dict[str, Any]) -> dict[str, Any]:
    (change,) = words.changes_of(attributes["definition"])
    assert isinstance(change, ch.CreateTrigger)
    enabled = {"yes": "origin", "no": "disabled", "on replicas": "replica", "always": "always"}[attributes["enabled"]]
    return words.trigger_words(change.trigger.replace(enabled=enabled), change.table)[2]


def _server_routine(attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        "language": attributes["language"],
        "volatility": attributes["volatility"],
        "definer": attributes["security"] == "definer",
        "settings": sorted(setting.replace('"', "") for setting in attributes.get("settings") or ()),
        "body": None if attributes["body"].startswith(("RETURN", "BEGIN ATOMIC")) else attributes["body"],
    }


_SERVER: dict[str, Any] = {
    "table": lambda a: {
        "persistence": a["persistence"], "row security": a["row level security"],
        "forced": a["forced row level security"], "partitioned by": (a.get("partitioned by") or " ").split()[0].lower()
        if a.get("partitioned by") else "",
    },
    "foreign table": lambda a: {
        "persistence": a["persistence"], "row security": False, "forced": False, "partitioned by": "",
    },
    "sequence": lambda a: {"owned by": a.get("owned by"), "increment": a["increment"]},
    "enum": lambda a: {"labels": a.get("labels") or []},
    "domain": lambda a: {
        "base type": _type_text(a["base type"]), "not null": a["not null"], "default": words.reread(a.get("default")),
    },
    "type": lambda a: {"attributes": [text.replace(" public.", " ") for text in a.get("attributes") or []]},
    "range type": lambda _: {"attributes": []},
    "function": _server_routine,
    "procedure": _server_routine,
    "trigger": _server_trigger,
    "policy": lambda a: {
        "command": a["command"].lower(), "permissive": a["permissive"],
        "roles": sorted("public" if role == "PUBLIC" else role for role in a["roles"]),
        "using": words.reread(a["using"]), "check": words.reread(a["with check"]),
    },
    "rule": lambda _: {},
}  # fmt: skip
