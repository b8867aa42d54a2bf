"""What undoes drops, grants, renames and moves; see `inverse`."""

from __future__ import annotations

from elf_sqlcheck.catalog import changes as ch
from elf_sqlcheck.catalog import definitions as made
from elf_sqlcheck.catalog.entries import Absent, Domain, Fact, IndexOf, OtherType, Routine, Sequence, Table, View
from elf_sqlcheck.catalog.fold_access import ALL
from elf_sqlcheck.catalog.objects import Name, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from elf_sqlcheck.catalog.entries import Key
    from elf_sqlcheck.catalog.schema import Schema

_ROUTINES = frozenset({"function", "procedure", "routine"})


def drop(change: ch.Drop, before: Schema) -> str:
    """DROP: the object again, when the catalog knows it whole and nothing else went with it."""
    kind, name = change.kind, change.name
    if kind in {"trigger", "policy"} and change.part:
        return _part(change, change.part, before)
    if change.cascade and before.dependants(kind, name):
        return ""
    if kind in _ROUTINES:
        return _routine(change, before)
    if kind in {"type", "domain"}:
        full = before.resolve(name, "type")
        return _with_attendants(made.other(before.get(("type", full.schema or "", full.name))), full, before)
    full = before.resolve(name)
    found = before.get(("relation", full.schema or "", full.name))
    if kind == "index":
        return _index(full, found, before)
    if kind == "table" and isinstance(found, Table):
        return "\n".join(made.table(before, found) or ())
    if kind == "sequence" and isinstance(found, Sequence) and not found.internal:
        return _with_attendants(made.other(found), full, before)
    if kind == "schema" and isinstance(before.get(("schema", "", name.name)), Fact):
        return f"CREATE SCHEMA {quoted(name.name)};" if not before.dependants("schema", name) else ""
    return ""


def _part(change: ch.Drop, part: str, before: Schema) -> str:
    owner = before.relation(change.name)
    if isinstance(owner, Table) and change.kind == "policy":
        policy = owner.policies.get(part)
        text = made.policy(change.name, policy) if policy else ""
    else:
        trigger = owner.triggers.get(part) if isinstance(owner, Table | View) else None
        text = made.trigger(change.name, trigger) if trigger else ""
    if not text or not isinstance(owner, Table | View):
        return ""
    said = before.get(("comment", owner.name.schema or "", owner.name.name, part, change.kind))
    if isinstance(said, Fact):
        text += "\n" + made.comment(("comment", *_written(change.name), part, change.kind), str(said.value))
    return text


def _written(name: Name) -> tuple[str, str]:
    return name.schema or "", name.name


def _index(full: Name, found: object, before: Schema) -> str:
    owner = before.relation(found.table) if isinstance(found, IndexOf) else None
    index = owner.indexes.get(full.name) if isinstance(owner, Table | View) else None
    if index is None or index.inherited or (isinstance(owner, Table) and owner.partition_by):
        return ""
    return _with_attendants(made.index(index), full, before)


def _routine(change: ch.Drop, before: Schema) -> str:
    full = before.resolve_function(change.name)
    keys = [key for key in sorted(before.about(full)) if key[0] == "function"]
    there = [key for key in keys if not isinstance(before.get(key), Absent | None)]
    wanted = there
    if change.arguments is not None:
        signature = ",".join(str(kind.replace(modifiers=())) for kind in change.arguments)
        wanted = [key for key in there if key[3] == signature]
    found = before.get(wanted[0]) if len(wanted) == 1 else None
    if not isinstance(found, Routine) or (len(there) > 1 and _said(full, before)):
        return ""
    return _with_attendants(made.routine(found), full, before)


def _said(full: Name, before: Schema) -> bool:
    """Whether something is said about any of the functions of that name."""
    return any(key[0] in {"comment", "grant"} and isinstance(before.get(key), Fact) for key in before.about(full))


def _with_attendants(text: str, full: Name, before: Schema) -> str:
    return "\n".join([text, *made.attendants(before, full)]) if text else ""


def grant(change: ch.Grant, before: Schema) -> str:
    """GRANT and REVOKE: what was not granted before is revoked, what was revoked is granted again."""
    if change.kind not in {"table", "sequence", "schema"} or not change.objects:
        return ""
    if change.all_in_schema or change.with_grant_option:
        return _whole(change) if not change.with_grant_option else ""
    wanted = set(change.privileges) or {"all"}
    if "all" in wanted:
        wanted = set(ALL[change.kind]) - {"maintain"}  # before 17 there is none
    statements = []
    for item in change.objects:
        full = item if change.kind == "schema" else before.resolve(item)
        for grantee in change.grantees:
            for column in change.columns or ("",):
                key: Key = ("grant", full.schema or "", full.name, change.kind, grantee, *((column,) if column else ()))
                found = before.get(key)
                had = found.value if isinstance(found, Fact) and isinstance(found.value, frozenset) else frozenset()
                if change.revoke and not had and not before.knows("relation", full):
                    return _whole(change)
                changed = frozenset(had & wanted if change.revoke else wanted - had)
                shown = ("grant", *_written(item), *key[3:])
                statements += made.grants(shown, changed, revoke=not change.revoke) if changed else []
                if not column and change.kind == "table":
                    statements += _of_columns(key, shown, frozenset(wanted), before)
    if "all" in change.privileges or not change.privileges:
        return _whole(change) if statements and not _had(change, before) else ""
    return "\n".join(statements)


def _of_columns(key: Key, shown: Key, privileges: frozenset[str], before: Schema) -> list[str]:
    """What the same grantee may do with single columns: REVOKE on the table takes that along."""
    found = []
    for other in sorted(before.about(Name(key[1], key[2]))):
        value = before.get(other) if other[:5] == key and len(other) > 5 else None
        if isinstance(value, Fact) and isinstance(value.value, frozenset) and value.value & privileges:
            found += made.grants((*shown, other[5]), value.value & privileges)
    return found


def _had(change: ch.Grant, before: Schema) -> bool:
    """Whether one of the grantees had any privilege on one of the objects before."""
    for item in change.objects:
        full = item if change.kind == "schema" else before.resolve(item)
        for key in before.about(full):
            if key[0] == "grant" and key[4] in change.grantees and isinstance(before.get(key), Fact):
                return True
    return False


def _whole(change: ch.Grant) -> str:
    """The opposite of the statement as it is written."""
    if change.columns:
        return ""
    privileges = ", ".join(change.privileges).upper() or "ALL"
    place = f"ALL {change.kind.upper()}S IN SCHEMA" if change.all_in_schema else change.kind.upper()
    objects = ", ".join(map(str, change.objects))
    grantees = ", ".join(map(made.grantee, change.grantees))
    word, link = ("GRANT", "TO") if change.revoke else ("REVOKE", "FROM")
    return f"{word} {privileges} ON {place} {objects} {link} {grantees};"


def default_privileges(change: ch.DefaultPrivileges, before: Schema) -> str:
    """ALTER DEFAULT PRIVILEGES: the opposite, where nothing was granted to the same roles before."""
    kind = {"procedure": "function", "routine": "function", "domain": "type"}.get(change.kind, change.kind)
    for schema in change.schemas or ("",):
        for role in change.for_roles or ("",):
            for grantee in change.grantees:
                if isinstance(before.get(("default privileges", schema, kind, grantee, role)), Fact) != change.revoke:
                    return ""
    if change.with_grant_option or (change.revoke and change.privileges in {(), ("all",)}):
        return ""
    roles = f" FOR ROLE {made.listed(change.for_roles)}" if change.for_roles else ""
    schemas = f" IN SCHEMA {made.listed(change.schemas)}" if change.schemas else ""
    word, link = ("GRANT", "TO") if change.revoke else ("REVOKE", "FROM")
    privileges = ", ".join(change.privileges).upper() or "ALL"
    grantees = ", ".join(map(made.grantee, change.grantees))
    action = f"{word} {privileges} ON {change.kind.upper()}S {link} {grantees}"
    return f"ALTER DEFAULT PRIVILEGES{roles}{schemas} {action};"


def attribute(change: ch.AlterAttribute, before: Schema) -> str:
    """ALTER TYPE of a composite type."""
    full = before.resolve(change.name, "type")
    found = before.get(("type", full.schema or "", full.name))
    columns = {column.name: column for column in found.attributes} if isinstance(found, OtherType) else {}
    earlier = columns.get(change.attribute)
    name = quoted(change.attribute)
    if change.action == "add" and earlier is None:
        return f"ALTER TYPE {change.name} DROP ATTRIBUTE IF EXISTS {name};"
    if earlier is None:
        return ""
    if change.action == "drop":
        if next(reversed(columns)) != change.attribute:
            return ""  # it would come back at the end, and the order of attributes matters in every row literal
        return f"ALTER TYPE {change.name} ADD ATTRIBUTE {made.column(earlier)};"
    collation = f' COLLATE "{earlier.collation}"' if earlier.collation else ""
    return f"ALTER TYPE {change.name} ALTER ATTRIBUTE {name} TYPE {earlier.type}{collation};"


def domain(change: ch.AlterDomain, before: Schema) -> str:
    """ALTER DOMAIN."""
    full = before.resolve(change.name, "type")
    found = before.get(("type", full.schema or "", full.name))
    if not isinstance(found, Domain):
        return ""
    alter = f"ALTER DOMAIN {change.name}"
    if change.action == "set default":
        return f"{alter} SET DEFAULT {found.default.text};" if found.default else f"{alter} DROP DEFAULT;"
    if change.action in {"set not null", "drop not null"}:
        return f"{alter} {'SET' if found.not_null else 'DROP'} NOT NULL;"
    if change.action == "add constraint" and change.constraint and change.constraint.name:
        return f"{alter} DROP CONSTRAINT IF EXISTS {quoted(change.constraint.name)};"
    earlier = next((c for c in found.constraints if c.name == change.part), None)
    said = before.get(("comment", full.schema or "", full.name, change.part or "", "domain constraint"))
    if change.action == "drop constraint" and earlier and not isinstance(said, Fact):
        return f"{alter} ADD {made.constraint(earlier)};"
    return ""


def sequence(change: ch.AlterSequence, before: Schema) -> str:
    """ALTER SEQUENCE … OWNED BY."""
    found = before.relation(change.name)
    owning = change.owned_by is not None or change.options == (("owned_by", "none"),)
    if not isinstance(found, Sequence) or found.internal or not owning or (change.owned_by and change.options):
        return ""
    owner = f"{found.owned_by[0]}.{quoted(found.owned_by[1])}" if found.owned_by else "NONE"
    return f"ALTER SEQUENCE {change.name} OWNED BY {owner};"


_RENAMED = frozenset(
    ["table", "view", "materialized view", "foreign table", "index", "sequence", "type", "domain", "schema",
     "collation", "statistics", "text search configuration", "text search dictionary", "event trigger",
     "publication", "role"]
)  # fmt: skip


def rename(change: ch.Rename, before: Schema) -> str:
    """ALTER … RENAME."""
    kind, part = change.kind, change.part
    if kind in {"column", "constraint"} and part:
        owner = before.relation(change.name)
        word = "TABLE"
        if isinstance(owner, View):
            word = "MATERIALIZED VIEW" if owner.materialized else "VIEW"
        elif kind == "constraint" and not isinstance(owner, Table) and before.knows("type", change.name):
            word = "DOMAIN"
        return f"ALTER {word} {change.name} RENAME {kind.upper()} {quoted(change.to)} TO {quoted(part)};"
    if kind in {"policy", "trigger", "rule"} and part:
        return f"ALTER {kind.upper()} {quoted(change.to)} ON {change.name} RENAME TO {quoted(part)};"
    if kind == "enum label" and part is not None:
        return f"ALTER TYPE {change.name} RENAME VALUE {made.literal(change.to)} TO {made.literal(part)};"
    if kind == "attribute" and part:
        return f"ALTER TYPE {change.name} RENAME ATTRIBUTE {quoted(change.to)} TO {quoted(part)};"
    now = Name(change.name.schema, change.to)
    if kind in _ROUTINES:
        arguments = _arguments(change, before)
        return f"ALTER {kind.upper()} {now}{arguments} RENAME TO {quoted(change.name.name)};"
    return f"ALTER {kind.upper()} {now} RENAME TO {quoted(change.name.name)};" if kind in _RENAMED else ""


def _arguments(change: ch.Rename | ch.SetSchema, before: Schema) -> str:
    """The parameter types of a function, in parentheses: another may get the name by then."""
    if change.arguments is not None:
        return f"({', '.join(map(str, change.arguments))})"
    full = before.resolve_function(change.name)
    keys = [key for key in before.about(full) if key[0] == "function"]
    there = [key for key in keys if not isinstance(before.get(key), Absent | None)]
    return f"({there[0][3]})" if len(there) == 1 else ""


def set_schema(change: ch.SetSchema, before: Schema) -> str:
    """ALTER … SET SCHEMA."""
    kind = change.kind
    arguments = ""
    if kind in _ROUTINES:
        old = before.resolve_function(change.name).schema
        arguments = _arguments(change, before)
    elif kind in {"table", "view", "materialized view", "foreign table", "sequence", "type", "domain"}:
        old = before.resolve(change.name, "type" if kind in {"type", "domain"} else "relation").schema
    else:
        return ""
    now = Name(change.schema, change.name.name)
    if old == change.schema:
        return ""
    return f"ALTER {kind.upper()} {now}{arguments} SET SCHEMA {quoted(old or 'public')};"
