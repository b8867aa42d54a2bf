"""Small immutable records with slots, made without importing `dataclasses`.

`import dataclasses` costs about as much as starting Python (it pulls in `inspect` and `typing`), and each dataclass a
third of a millisecond more; a commit hook that reads one file would spend most of its time there. A `Record` is the
part of a dataclass that this project needs: annotated fields become slots, `__init__`, `__eq__`, `__hash__`,
`__repr__`, `__match_args__` and `replace`. Type checkers see a frozen dataclass.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar, Self, dataclass_transform
else:

    def dataclass_transform(**_: object) -> Callable[[Any], Any]:  # noqa: D103 - stands in for typing's
        return lambda cls: cls


#: Where something stands in a file, and when it came to be, is not part of what it is: left out of comparisons.
CIRCUMSTANCES = frozenset({"born", "calls", "rows", "span", "statement"})
#: How often a record is made before that is compiled.
_OFTEN = 40


@dataclass_transform(frozen_default=True)
class RecordMeta(type):
    """Turns the annotations of a class body into slots and an `__init__`.

    Defaults are shared between instances, so keep them immutable.
    """

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> RecordMeta:
        """Build the class; raises TypeError when a field without default follows one with a default."""
        own = [field for field in namespace.get("__annotations__", {}) if not field.startswith("_")]
        fields: list[str] = []
        defaults: dict[str, Any] = {}
        for base in bases:
            fields += [field for field in getattr(base, "_fields", ()) if field not in fields]
            defaults.update(getattr(base, "_defaults", {}))
        for field in own:
            if field in namespace:
                defaults[field] = namespace.pop(field)
            if field not in fields:
                fields.append(field)
        namespace["__slots__"] = tuple(
            field for field in own if not any(field in getattr(b, "_fields", ()) for b in bases)
        )
        namespace["_fields"] = tuple(fields)
        namespace["_compared"] = tuple(field for field in fields if field not in CIRCUMSTANCES)
        namespace["_defaults"] = defaults
        namespace["__match_args__"] = tuple(fields)
        made = super().__new__(mcs, name, bases, namespace)
        if fields and "__init__" not in namespace:
            type.__setattr__(made, "__init__", _compiled_when_needed(made, fields, defaults))
        return made


def _compiled_when_needed(made: type, fields: list[str], defaults: dict[str, Any]) -> Callable[..., None]:
    """An `__init__` that replaces itself by a compiled one when it is used often, or wrongly.

    Most classes are used a few times in most runs, and to compile one takes as long as to do without forty times.
    """
    calls = 0

    def __init__(self: object, *values: object, **named: object) -> None:  # noqa: N807
        nonlocal calls
        calls += 1
        if calls > _OFTEN or not _filled(self, fields, defaults, values, named):
            real = _initializer(fields, defaults)
            type.__setattr__(made, "__init__", real)
            real(self, *values, **named)

    return __init__


def _filled(
    record: object, fields: list[str], defaults: dict[str, Any], values: tuple[object, ...], named: dict[str, object]
) -> bool:
    """Set the fields of a record; returns whether just those were given that it needs."""
    for field, value in zip(fields, values, strict=False):
        setattr(record, field, value)
    used = 0
    for field in fields[len(values) :]:
        if field in named:
            used += 1
            setattr(record, field, named[field])
        elif field in defaults:
            setattr(record, field, defaults[field])
        else:
            return False
    return used == len(named) and len(values) <= len(fields)


def _initializer(fields: list[str], defaults: dict[str, Any]) -> Any:
    parameters = ", ".join(f"{field}=_d_{field}" if field in defaults else field for field in fields)
    body = "\n".join(f"    self.{field} = {field}" for field in fields)
    names = {f"_d_{field}": value for field, value in defaults.items()}
    exec(f"def __init__(self, {parameters}):\n{body}", names)  # noqa: S102 - field names of our own classes only
    return names["__init__"]


def _replacer(fields: tuple[str, ...]) -> Any:
    values = ", ".join(f"changes.pop({field!r}) if {field!r} in changes else self.{field}" for field in fields)
    names: dict[str, Any] = {}
    exec(f"def replace(self, made, changes):\n    return made({values}, **changes)", names)  # noqa: S102 - as above
    return names["replace"]


class Record(metaclass=RecordMeta):
    """Base of all value types; see the module docstring."""

    if TYPE_CHECKING:
        _fields: ClassVar[tuple[str, ...]]
        _compared: ClassVar[tuple[str, ...]]
        _replace: ClassVar[Callable[..., Any]]

    def replace(self, **changes: Any) -> Self:
        """Return a copy in which the named fields have new values."""
        made = type(self)
        if "_replace" not in made.__dict__:
            type.__setattr__(made, "_replace", _replacer(made._fields))
        copy: Self = made._replace(self, made, changes)
        return copy

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, field) == getattr(other, field) for field in self._compared)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, field) for field in self._compared))

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickles and copies: the class and the values alone take a third of the room that names and slots do."""
        return type(self), tuple(getattr(self, field) for field in self._fields)

    def __repr__(self) -> str:
        inner = ", ".join(f"{field}={getattr(self, field)!r}" for field in self._fields if field != "statement")
        return f"{type(self).__name__}({inner})"
