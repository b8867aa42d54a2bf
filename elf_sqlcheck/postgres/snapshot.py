"""Snapshots: the whole schema of a database at one moment, as plain values that can be compared."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import psycopg

#: What names an object: its kind and its identity, as in ("column", "public.users.email").
Key = tuple[str, str]
Objects = dict[Key, dict[str, Any]]
Parents = dict[Key, Key]
Orders = dict[Key, tuple[Key, ...]]

#: The tables in which elf-migrate keeps its history: they are not part of the schema that migrations describe.
TRACKING_TABLES = ("public.schema_migrations", "public.migration_history", "public.migration_texts")

#: Of so many snapshots that are kept as a difference the whole is remembered.
_REMEMBERED = 6


class Layer(NamedTuple):
    """What a snapshot holds itself: all there is, or what is not as in `base`, of which the keys in `gone` are gone."""

    objects: Objects
    parents: Parents
    orders: Orders
    base: Snapshot | None
    gone: tuple[Key, ...]


class Snapshot:
    """A schema at one moment. Owners, statistics and data are not part of it.

    A snapshot that a reader took holds only what is not as in an earlier one: a thousand of them on a schema of a
    thousand tables would not fit into memory otherwise. It is put together when it is looked at.
    """

    __slots__ = ("layer",)

    def __init__(
        self,
        objects: Objects | None = None,
        parents: Parents | None = None,
        orders: Orders | None = None,
        *,
        base: Snapshot | None = None,
        gone: Iterable[Key] = (),
    ) -> None:
        self.layer = Layer(objects or {}, parents or {}, orders or {}, base, tuple(gone))

    @property
    def objects(self) -> Mapping[Key, dict[str, Any]]:
        """The attributes of each object."""
        return _put_together(self).objects

    @property
    def parents(self) -> Mapping[Key, Key]:
        """What each object hangs on: a column's table, a table's schema."""
        return _put_together(self).parents

    @property
    def orders(self) -> Mapping[Key, tuple[Key, ...]]:
        """The columns of each table, first to last."""
        return _put_together(self).orders

    def ancestors(self, key: Key) -> Iterator[Key]:
        """Yield the object that `key` hangs on, then what that one hangs on, outwards."""
        parents = self.parents
        while (parent := parents.get(key)) is not None:
            yield parent
            key = parent

    def touched_since(self, before: Snapshot) -> list[Key] | None:
        """Return all keys under which the two may differ; None when that is not known, so that it may be any."""
        if self is before:
            return []
        if self.layer.base is before:
            layers: tuple[Layer, ...] = (self.layer,)
        elif before.layer.base is self:
            layers = (before.layer,)
        elif self.layer.base is not None and self.layer.base is before.layer.base:
            layers = (before.layer, self.layer)
        else:
            return None
        return list(dict.fromkeys(key for layer in layers for key in (*layer.gone, *layer.objects)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Snapshot):
            return NotImplemented
        return _put_together(self)[:3] == _put_together(other)[:3]

    __hash__ = None  # type: ignore[assignment]


_whole: OrderedDict[int, tuple[Snapshot, Layer]] = OrderedDict()


def _put_together(wanted: Snapshot) -> Layer:
    """Return the layer of the whole snapshot."""
    if wanted.layer.base is None:
        return wanted.layer
    if id(wanted) in _whole:
        _whole.move_to_end(id(wanted))
        return _whole[id(wanted)][1]
    layers = [wanted.layer]
    below = wanted.layer.base
    while below.layer.base is not None and id(below) not in _whole:
        layers.append(below.layer)
        below = below.layer.base
    first = _put_together(below)
    objects, parents, orders = first.objects.copy(), first.parents.copy(), first.orders.copy()
    for layer in reversed(layers):
        for key in layer.gone:
            objects.pop(key, None)
            parents.pop(key, None)
            orders.pop(key, None)
        objects.update(layer.objects)
        parents.update(layer.parents)
        orders.update(layer.orders)
    whole = Layer(objects, parents, orders, None, ())
    _whole[id(wanted)] = (wanted, whole)
    if len(_whole) > _REMEMBERED:
        _whole.popitem(last=False)
    return whole


def snapshot(connection: psycopg.Connection[Any], ignore: Iterable[str] = TRACKING_TABLES) -> Snapshot:
    """Read the schema of the database that `connection` is connected to.

    `ignore` names tables to leave out with all that hangs on them. Inside a transaction its changes are seen;
    otherwise one consistent moment is read. The connection is left as it was. Raises psycopg.Error.
    """
    from elf_sqlcheck.postgres.reader import Reader

    return Reader(connection, ignore).read()
