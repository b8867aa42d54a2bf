"""The statements that make an object as the catalog has it.

Each is "" (or None where several statements would be needed) when the catalog does not know the object whole.
"""

from __future__ import annotations

from elf_sqlcheck.catalog.entries import Domain, Enum, Fact, OtherType, Routine, Sequence, Statistics, Table
from elf_sqlcheck.catalog.naming import object_name
from elf_sqlcheck.catalog.objects import Name, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from elf_sqlcheck.catalog.entries import Key, Object
    from elf_sqlcheck.catalog.objects import Column, Constraint, Index, Policy, Trigger, Type
    from elf_sqlcheck.catalog.schema import Schema

_OPTION = " with grant option"


def listed(names: Iterable[str]) -> str:
    """Identifiers as a list."""
    return ", ".join(map(quoted, names))


def literal(text: str) -> str:
    """The text as a string literal."""
    return "'" + text.replace("'", "''") + "'"


def grantee(name: str) -> str:
    """A role as GRANT writes it."""
    return "PUBLIC" if name == "public" else quoted(name)


def column(column: Column) -> str:
    """A column as CREATE TABLE and ADD COLUMN write it."""
    parts = [quoted(column.name), str(column.type)]
    if column.collation:
        parts.append("COLLATE " + ".".join(map(quoted, column.collation.split("."))))
    if column.generated:
        parts.append(f"GENERATED ALWAYS AS ({column.generated.text}){' STORED' if column.stored else ''}")
    if column.identity:
        parts.append(f"GENERATED {column.identity.upper()} AS IDENTITY")
    if column.default:
        parts.append(f"DEFAULT {column.default.text}")
    if column.not_null and not column.identity and not column.type.is_serial:
        parts.append("NOT NULL")
    return " ".join(parts)


def counts_plainly(schema: Schema, table: Name, column: Column) -> bool:
    """Whether the sequence of a serial or identity column is as Postgres makes it; True for other columns."""
    if not column.identity and not column.type.is_serial:
        return True
    name = object_name(table.name, column.name, "seq")
    found = schema.get(("relation", table.schema or "", name))
    return isinstance(found, Sequence) and found.owned_by == (table, column.name) and not found.options


def constraint(constraint: Constraint) -> str:
    """A constraint as ADD writes it; "" for one whose operators are not known."""
    name = f"CONSTRAINT {quoted(constraint.name)} " if constraint.name else ""
    if constraint.kind == "not null":
        body = f"NOT NULL {listed(constraint.columns)}"
    elif constraint.kind == "check" and constraint.expression:
        body = f"CHECK ({constraint.expression.text}){' NO INHERIT' if constraint.no_inherit else ''}"
    elif constraint.kind == "foreign key":
        body = _foreign_key(constraint)
    elif constraint.kind in {"primary key", "unique"}:
        nulls = " NULLS NOT DISTINCT" if constraint.nulls_not_distinct else ""
        include = f" INCLUDE ({listed(constraint.include)})" if constraint.include else ""
        body = f"{constraint.kind.upper()}{nulls} ({listed(constraint.columns)}){include}"
    else:
        return ""
    if constraint.deferrable:
        body += " DEFERRABLE INITIALLY DEFERRED" if constraint.initially_deferred else " DEFERRABLE"
    if not constraint.enforced:
        return f"{name}{body} NOT ENFORCED"
    return f"{name}{body}{' NOT VALID' if constraint.not_valid else ''}"


def _foreign_key(constraint: Constraint) -> str:
    body = f"FOREIGN KEY ({listed(constraint.columns)}) REFERENCES {constraint.references}"
    if constraint.ref_columns:
        body += f" ({listed(constraint.ref_columns)})"
    for word, action in (("DELETE", constraint.on_delete), ("UPDATE", constraint.on_update)):
        if action != "no action":
            body += f" ON {word} {action.upper()}"
    return body


def index(index: Index) -> str:
    """CREATE INDEX; "" for one with storage parameters, whose values are not kept."""
    if index.options:
        return ""
    keys = []
    for key in index.columns:
        words = [quoted(key.name) if key.name else f"({key.expression.text if key.expression else ''})"]
        words += [f"COLLATE {_dotted(key.collation)}"] if key.collation else []
        words += [_dotted(key.opclass)] if key.opclass else []
        words += ["DESC"] if key.descending else []
        words += [f"NULLS {key.nulls.upper()}"] if key.nulls else []
        keys.append(" ".join(words))
    method = f" USING {index.method}" if index.method != "btree" else ""
    include = f" INCLUDE ({listed(index.include)})" if index.include else ""
    nulls = " NULLS NOT DISTINCT" if index.nulls_not_distinct else ""
    where = f" WHERE {index.where.text}" if index.where else ""
    unique = "UNIQUE " if index.unique else ""
    on = f"{index.table}{method} ({', '.join(keys)}){include}{nulls}{where}"
    return f"CREATE {unique}INDEX {quoted(index.name)} ON {on};"


def _dotted(name: str) -> str:
    return ".".join(map(quoted, name.split(".")))


def policy(table: Name, policy: Policy) -> str:
    """CREATE POLICY."""
    parts = [f"CREATE POLICY {quoted(policy.name)} ON {table}"]
    parts += [] if policy.permissive else ["AS RESTRICTIVE"]
    parts += [] if policy.command == "all" else [f"FOR {policy.command.upper()}"]
    parts += [] if policy.roles in {(), ("public",)} else ["TO " + ", ".join(map(grantee, policy.roles))]
    parts += [f"USING ({policy.using.text})"] if policy.using else []
    parts += [f"WITH CHECK ({policy.check.text})"] if policy.check else []
    return " ".join(parts) + ";"


_ENABLED = {"disabled": "DISABLE", "always": "ENABLE ALWAYS", "replica": "ENABLE REPLICA"}


def trigger(table: Name, trigger: Trigger, *, replace: bool = False) -> str:
    """CREATE TRIGGER, and what enables or disables it; "" for constraint triggers, of which not all is kept."""
    if trigger.constraint:
        return ""
    of = f" OF {listed(trigger.columns)}" if trigger.columns else ""
    events = " OR ".join(event.upper() + (of if event == "update" else "") for event in trigger.events)
    when = f" WHEN ({trigger.when.text})" if trigger.when else ""
    arguments = ", ".join(map(literal, trigger.arguments))
    made = (
        f"CREATE {'OR REPLACE ' * replace}TRIGGER {quoted(trigger.name)} {trigger.timing.upper()} {events} ON {table} "
        f"FOR EACH {'ROW' if trigger.row else 'STATEMENT'}{when} EXECUTE FUNCTION {trigger.function}({arguments});"
    )
    if trigger.enabled in _ENABLED:
        made += f"\nALTER TABLE {table} {_ENABLED[trigger.enabled]} TRIGGER {quoted(trigger.name)};"
    return made


def table(schema: Schema, table: Table) -> list[str] | None:
    """What makes a table with all that belongs to it, but for its rows; None when it is not known whole."""
    special = table.partition_of or table.partition_by or table.inherits or table.of_type or table.foreign
    if special or not (table.known and table.complete) or any(value is None for value in table.policies.values()):
        return None
    if any(key[0] == "rule" and isinstance(schema.get(key), Fact) for key in schema.about(table.name)):
        return None
    if any(isinstance(schema.get(key), Statistics) for key in schema.referring_keys(table.name)):
        return None
    if not all(counts_plainly(schema, table.name, item) for item in table.columns.values() if item):
        return None
    columns = [column(item) for item in table.columns.values() if item]
    parts = {item.name: constraint(item) for item in table.constraints.values() if item}
    unlogged = "UNLOGGED " if table.persistence == "unlogged" else ""
    made = [f"CREATE {unlogged}TABLE {table.name} (\n    " + ",\n    ".join([*columns, *parts.values()]) + "\n);"]
    made += [index(item) for item in table.indexes.values() if item.name not in parts]
    if table.row_security:
        made.append(f"ALTER TABLE {table.name} ENABLE ROW LEVEL SECURITY;")
    if table.forced:
        made.append(f"ALTER TABLE {table.name} FORCE ROW LEVEL SECURITY;")
    made += [policy(table.name, item) for item in table.policies.values() if item]
    made += [trigger(table.name, item) for item in table.triggers.values() if item]
    if not all(parts.values()) or not all(made):
        return None
    said = attendants(schema, table.name)
    for name in table.indexes:
        said += attendants(schema, Name(table.name.schema, name))
    return made + said


def attendants(schema: Schema, name: Name, part: str | None = None) -> list[str]:
    """The comments and grants on an object, or on one of its parts."""
    found = []
    for key in sorted(schema.about(name)):
        value = schema.get(key)
        if not isinstance(value, Fact):
            continue
        if key[0] == "comment" and part in {None, key[3]}:
            found.append(comment(key, str(value.value)))
        elif key[0] == "grant" and (part is None or key[5:] == (part,)) and isinstance(value.value, frozenset):
            found += grants(key, value.value)
    return found


_ON = frozenset({"constraint", "trigger", "policy", "rule"})


def comment(key: Key, text: str | None) -> str:
    """COMMENT ON what a key of the catalog says; None takes it away."""
    _, schema, name, part, kind = key
    full = str(Name(schema or None, name))
    if kind in _ON:
        shown = f"{quoted(part)} ON {full}"
    elif kind == "domain constraint":
        kind, shown = "constraint", f"{quoted(part)} ON DOMAIN {full}"
    elif kind in {"function", "procedure", "routine"}:
        shown = f"{full}({part})"
    else:
        shown = f"{full}.{quoted(part)}" if part else full
    return f"COMMENT ON {kind.upper()} {shown} IS {'NULL' if text is None else literal(text)};"


def grants(key: Key, privileges: frozenset[str], *, revoke: bool = False) -> list[str]:
    """GRANT (or REVOKE) of privileges under a key of the catalog; of a function only where its name is enough."""
    on, to = privileged(key)
    options = {privilege.removesuffix(_OPTION) for privilege in privileges if privilege.endswith(_OPTION)}
    plain = {privilege for privilege in privileges if not privilege.endswith(_OPTION)}
    columns = f" ({quoted(key[5])})" if len(key) > 5 and key[3] == "table" else ""

    def words(names: set[str]) -> str:
        return ", ".join(f"{name.upper()}{columns}" for name in sorted(names))

    if revoke:
        found = [f"REVOKE {words(plain)} ON {on} FROM {to};"] if plain else []
        return found + (
            [f"REVOKE GRANT OPTION FOR {words(options - plain)} ON {on} FROM {to};"] if options - plain else []
        )
    found = [f"GRANT {words(plain - options)} ON {on} TO {to};"] if plain - options else []
    return found + ([f"GRANT {words(options)} ON {on} TO {to} WITH GRANT OPTION;"] if options else [])


def privileged(key: Key) -> tuple[str, str]:
    """What a key of a grant is on, and to whom."""
    types = f"({key[5]})" if key[3] == "function" and len(key) > 5 else ""
    return f"{key[3].upper()} {Name(key[1] or None, key[2])}{types}", grantee(key[4])


def other(found: Object | None) -> str:
    """The statement that makes a type, a sequence or a function."""
    if isinstance(found, Enum):
        return f"CREATE TYPE {found.name} AS ENUM ({', '.join(map(literal, found.labels))});"
    if isinstance(found, OtherType) and found.kind == "composite":
        return f"CREATE TYPE {found.name} AS ({', '.join(column(item) for item in found.attributes)});"
    if isinstance(found, Domain):
        return _domain(found)
    if isinstance(found, Sequence) and not found.options:
        owner = f" OWNED BY {found.owned_by[0]}.{quoted(found.owned_by[1])}" if found.owned_by else ""
        return f"CREATE SEQUENCE {found.name}{owner};"
    return routine(found) if isinstance(found, Routine) else ""


def _domain(domain: Domain) -> str:
    parts = [f"CREATE DOMAIN {domain.name} AS {domain.type}"]
    parts += [f"DEFAULT {domain.default.text}"] if domain.default else []
    parts += ["NOT NULL"] if domain.not_null else []
    if any(item.not_valid for item in domain.constraints):
        return ""
    return " ".join([*parts, *(constraint(item) for item in domain.constraints)]) + ";"


_FLAGS = {"strict": "STRICT", "leakproof": "LEAKPROOF"}


def routine(routine: Routine, *, replace: bool = False) -> str:
    """CREATE FUNCTION or PROCEDURE; "" where defaults of parameters or options are not kept as written."""
    known = dict(routine.options).keys() <= _FLAGS.keys()
    simple = all(parameter.mode in {"in", "inout", "out", "variadic"} for parameter in routine.parameters)
    if not known or not simple or any(parameter.default for parameter in routine.parameters) or not routine.body:
        return ""
    if routine.body.startswith(("ReturnStmt(", "List(", "(")) or any("," in value for _, value in routine.settings):
        return ""
    parameters = ", ".join(_parameter(p.mode, p.name, p.type) for p in routine.parameters)
    kind = "PROCEDURE" if routine.procedure else "FUNCTION"
    parts = [f"CREATE {'OR REPLACE ' * replace}{kind} {routine.name}({parameters})"]
    if routine.returns and not any(parameter.mode in {"out", "inout"} for parameter in routine.parameters):
        parts.append(f"RETURNS {'SETOF ' * routine.returns_set}{routine.returns}")
    elif routine.returns_set:
        return ""
    parts.append(f"LANGUAGE {quoted(routine.language)}")
    parts += [] if routine.volatility == "volatile" or routine.procedure else [routine.volatility.upper()]
    parts += [_FLAGS[name] for name, value in routine.options if value == "true"]
    parts += ["SECURITY DEFINER"] if routine.security_definer else []
    parts += [f"SET {name} = {literal(value)}" for name, value in routine.settings]
    mark = "$$" if "$" not in routine.body else "$elf$"
    return " ".join(parts) + f" AS {mark}{routine.body}{mark};" if "$elf$" not in routine.body else ""


def _parameter(mode: str, name: str, kind: Type) -> str:
    return " ".join(filter(None, ["" if mode == "in" else mode.upper(), quoted(name) if name else "", str(kind)]))
