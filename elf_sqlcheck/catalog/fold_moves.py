"""How an object gets another name or schema, with everything that refers to it and everything said about it."""

from __future__ import annotations

from elf_sqlcheck.catalog import retarget
from elf_sqlcheck.catalog.entries import (
    ABSENT,
    Absent,
    Domain,
    Enum,
    Fact,
    IndexOf,
    OtherType,
    Routine,
    Sequence,
    Table,
    View,
)
from elf_sqlcheck.catalog.fold_columns import own_sequences
from elf_sqlcheck.catalog.fold_drops import IN_SCHEMA, about_overload, input_types, signature
from elf_sqlcheck.catalog.fold_parts import heirs, key_of, refer_columns, refer_to_all, save, table_at, type_key
from elf_sqlcheck.catalog.objects import Name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from elf_sqlcheck.catalog.entries import Key, Object
    from elf_sqlcheck.catalog.fold import Catalog


def _follow(catalog: Catalog, old: Name, new: Name, how: Callable[[Object, Name, Name], Object]) -> None:
    """Let everything that refers to `old` refer to `new`."""
    for key, user in catalog.referring_to(old):
        changed = how(user, old, new)
        if changed != user:
            target = key
            if isinstance(changed, Routine):
                target = (*key[:3], signature(input_types(changed.parameters)))
            if target != key:
                catalog.put(key, ABSENT)
                refer_to_all(catalog, target, changed)
            catalog.put(target, changed)
            catalog.refer(target, (new,))
            refer_columns(catalog, target, changed)
    for key in catalog.heirs.get((old.schema or "", old.name), ()):
        catalog.heirs.setdefault((new.schema or "", new.name), set()).add(key)


def move(catalog: Catalog, old: Name, new: Name) -> None:
    """Give a relation another name or schema, with everything that refers to it, unless another has that name."""
    found = catalog.objects.get(key_of(old))
    if isinstance(found, IndexOf):
        rename_index(catalog, old, new.name)
        return
    if not isinstance(found, Table | View | Sequence):
        table = table_at(catalog, old)
        if table is None:
            return
        found = table
    # The server refuses to take a name from another; following it could make a child of a table its own parent.
    if not isinstance(catalog.objects.get(key_of(new)), Absent | None):
        return
    indexes = getattr(found, "indexes", {})
    catalog.put(key_of(old), ABSENT)
    if old.schema != new.schema:
        for name in indexes:
            catalog.put(("relation", old.schema or "", name), ABSENT)
    for name in indexes:
        catalog.put(("relation", new.schema or "", name), IndexOf(new))
        move_said(catalog, Name(old.schema, name), Name(new.schema, name))
    moved: Any = found.replace(name=new)
    if indexes:
        moved = moved.replace(indexes={k: v.replace(table=new) for k, v in indexes.items()})
    catalog.put(key_of(new), moved)
    refer_to_all(catalog, key_of(new), moved)
    move_said(catalog, old, new)
    _follow(catalog, old, new, retarget.relation)
    if old.schema != new.schema and isinstance(found, Table):
        for sequence in own_sequences(catalog, new):
            if sequence.name.schema == old.schema:
                move(catalog, sequence.name, Name(new.schema, sequence.name.name))


def move_said(catalog: Catalog, old: Name, new: Name, *, routine: bool = False) -> None:
    """Let what was said about an object follow its name."""
    if old != new:
        for key in catalog.said_about(old.schema, old.name, routine=routine):
            catalog.put((key[0], new.schema or "", new.name, *key[3:]), catalog.objects[key])
            catalog.put(key, None)


def move_fact(catalog: Catalog, old: Key, new: Key) -> None:
    """Give an object that is known by its name alone another key."""
    found = catalog.objects.get(old)
    catalog.put(old, ABSENT)
    catalog.put(new, Fact() if isinstance(found, Absent | None) else found)
    for said in catalog.said_about(old[1], old[2]):
        if said[0] == "comment" and said[4] == old[0]:
            catalog.put((said[0], new[1], new[2], *said[3:]), catalog.objects[said])
            catalog.put(said, None)


def move_type(catalog: Catalog, old: Name, new: Name) -> None:
    """Give a type another name or schema."""
    found = catalog.objects.get(type_key(old))
    if isinstance(found, Enum | Domain | OtherType):
        moved: Object = found.replace(name=new)
    elif isinstance(found, Absent):
        return
    else:
        moved = OtherType(new, "assumed")
    catalog.put(type_key(old), ABSENT)
    catalog.put(type_key(new), moved)
    refer_to_all(catalog, type_key(new), moved)
    move_said(catalog, old, new)
    _follow(catalog, old, new, retarget.relation)


def move_routine(catalog: Catalog, key: Key, new: Name) -> None:
    """Give a function another name or schema; one that no migration made is known from then on."""
    found = catalog.objects.get(key, Fact())
    old = Name(key[1], key[2])
    if old == new:
        return
    catalog.put(key, ABSENT)
    target = ("function", new.schema or "", new.name, key[3])
    catalog.put(target, found.replace(name=new) if isinstance(found, Routine) else found)
    refer_to_all(catalog, target, catalog.objects[target])
    last = not catalog.has_overload(old)
    for said in catalog.said_about(key[1], key[2], routine=True):
        if about_overload(said, key[3], last=last):
            catalog.put((said[0], new.schema or "", new.name, *said[3:]), catalog.objects[said])
            catalog.put(said, None)
    # Functions of triggers take no parameters; which of several others an expression calls is not known.
    alike = [other for other in catalog.overloads(old) if other[3] or not key[3]]
    if not key[3]:
        _follow(catalog, old, new, retarget.triggers)
    if not alike:
        _follow(catalog, old, new, retarget.calls)


def rename_index(catalog: Catalog, name: Name, to: str) -> None:
    """Rename an index, and the constraint that it belongs to."""
    found = catalog.objects.get(key_of(name))
    catalog.put(key_of(name), ABSENT)
    if not isinstance(found, IndexOf):
        catalog.put(("relation", name.schema or "", to), IndexOf(Name(name.schema, "?")))
        return
    catalog.put(("relation", name.schema or "", to), found)
    owner = catalog.objects.get(key_of(found.table))
    if isinstance(owner, Table | View):
        owner = owner.replace(indexes=retarget.with_name(owner.indexes, name.name, to))
    if isinstance(owner, Table):  # an index and the constraint that made it have one name
        owner = owner.replace(constraints=retarget.with_name(owner.constraints, name.name, to))
        rename_said(catalog, owner.name, "constraint", name.name, to)
        catalog.named.setdefault((owner.name.schema or "", to), set()).add(key_of(owner.name))
        relink(catalog, owner, name.name, to)
    if isinstance(owner, Table | View):
        save(catalog, owner)
    move_said(catalog, name, Name(name.schema, to))


def relink(catalog: Catalog, table: Table, old: str, new: str) -> None:
    """Let the partitions know the new name of an index or a constraint."""
    for heir in heirs(catalog, table.name):
        indexes = {k: v.replace(inherited=new) if v.inherited == old else v for k, v in heir.indexes.items()}
        parts = {k: v.replace(inherited=new) if v and v.inherited == old else v for k, v in heir.constraints.items()}
        save(catalog, heir.replace(indexes=indexes, constraints=parts))


def rename_said(catalog: Catalog, owner: Name, kind: str, old: str, new: str) -> None:
    """Let the comment on a part, and what is known or granted of a column, follow its name."""
    for key in catalog.said_about(owner.schema, owner.name, old):
        if key[0] == "comment" and key[3:5] == (old, kind):
            moved = (*key[:3], new, kind)
        elif kind == "column" and key[0] == "fact" and key[3] == old:
            moved = (*key[:3], new, *key[4:])
        elif kind == "column" and key[0] == "grant" and key[5:] == (old,):
            moved = (*key[:5], new)
        else:
            continue
        catalog.put(moved, catalog.objects[key])
        catalog.put(key, None)


def rename_schema(catalog: Catalog, old: str, new: str) -> None:
    """Everything in it moves along."""
    for key in catalog.now.collected("schema", old):
        found = catalog.objects.get(key)
        if found is None or isinstance(found, Absent | IndexOf):
            continue
        if key[0] == "relation":
            move(catalog, Name(old, key[2]), Name(new, key[2]))
        elif key[0] == "type":
            move_type(catalog, Name(old, key[2]), Name(new, key[2]))
        elif key[0] == "function":
            move_routine(catalog, key, Name(new, key[2]))
        elif key[0] in IN_SCHEMA or key[0] == "default privileges":
            catalog.put(key, None)
            catalog.put((key[0], new, *key[2:]), found)
    move_fact(catalog, ("schema", "", old), ("schema", "", new))
    move_said(catalog, Name(None, old), Name(None, new))


def rename_role(catalog: Catalog, old: str, new: str) -> None:
    """What is granted to the role stays granted to it."""
    move_fact(catalog, ("role", "", old), ("role", "", new))
    for key, found in list(catalog.objects.items()):
        place = {"grant": 4, "default privileges": 3}.get(key[0])
        if place and key[place] == old:
            catalog.put(key, None)
            catalog.put((*key[:place], new, *key[place + 1 :]), found)
        elif isinstance(found, Table) and any(p and old in p.roles for p in found.policies.values()):
            policies = {
                k: p.replace(roles=tuple(new if role == old else role for role in p.roles)) if p else p
                for k, p in found.policies.items()
            }
            catalog.put(key, found.replace(policies=policies))
