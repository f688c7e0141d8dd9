"""`dataclass` as of the standard library, for values, in a quarter of the time.

Python compiles six methods for each frozen dataclass when its module is loaded: half a millisecond,
of which the first paint of the screen and every command wait for a hundred. Here only `__init__` is
compiled; the other methods are the same for all classes. What is out of the ordinary is left to the
standard library.
"""

from __future__ import annotations

import dataclasses
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen, slots):
        """Make a class of values of the class that is decorated."""
        if not frozen or not slots:
            raise TypeError("only classes of values are made here: frozen and with slots")
        return _made


_PLAIN = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)
_WHOLE = dataclasses.dataclass(frozen=True, slots=True)
_OWN_METHODS = {
    "__init__",
    "__repr__",
    "__eq__",
    "__hash__",
    "__setattr__",
    "__delattr__",
    "__getstate__",
    "__setstate__",
    "__slots__",
}
_NO_FIELDS = ("ClassVar", "InitVar", "KW_ONLY")


def _made(cls: type[Any]) -> type[Any]:
    if not _is_ordinary(cls):
        return _WHOLE(cls)
    made = _PLAIN(cls)
    fields = dataclasses.fields(made)
    for name, method in {**_methods(fields), "__init__": _init(made, fields)}.items():
        method.__qualname__ = f"{made.__qualname__}.{name}"
        setattr(made, name, method)
    params = made.__dataclass_params__
    params.init = params.repr = params.eq = params.frozen = True
    return made


def _is_ordinary(cls: type[Any]) -> bool:
    """Whether a class is nothing but fields, and methods of its own that no dataclass has."""
    own, kinds = vars(cls), " ".join(map(str, cls.__annotations__.values()))
    return (
        bool(kinds and cls.__doc__)
        and not any(hasattr(base, "__dataclass_fields__") for base in cls.__mro__)
        and _OWN_METHODS.isdisjoint(own)
        and not any(kind in kinds for kind in _NO_FIELDS)
        and all(map(_is_ordinary_field, own.values()))
    )


def _is_ordinary_field(value: object) -> bool:
    return not isinstance(value, dataclasses.Field) or (
        value.init and value.compare and value.hash is None and value.kw_only is not True
    )


def _methods(fields: tuple[dataclasses.Field[Any], ...]) -> dict[str, Any]:
    names = tuple(one.name for one in fields)
    shown = tuple(one.name for one in fields if one.repr)
    values = attrgetter(*names)

    def __repr__(self: Any) -> str:  # noqa: N807 - it becomes a method
        told = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
        return f"{type(self).__qualname__}({told})"

    def __eq__(self: Any, other: Any) -> Any:  # noqa: N807
        return values(self) == values(other) if type(other) is type(self) else NotImplemented

    def __hash__(self: Any) -> int:  # noqa: N807
        return hash(values(self))

    def __setattr__(self: Any, name: str, value: Any) -> None:  # noqa: N807
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self: Any, name: str) -> None:  # noqa: N807
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")

    def __getstate__(self: Any) -> list[Any]:  # noqa: N807
        return [getattr(self, name) for name in names]

    def __setstate__(self: Any, state: list[Any]) -> None:  # noqa: N807
        for name, value in zip(names, state, strict=True):
            object.__setattr__(self, name, value)

    own = (__repr__, __eq__, __hash__, __setattr__, __delattr__, __getstate__, __setstate__)
    return {method.__name__: method for method in own}


def _init(cls: type[Any], fields: tuple[dataclasses.Field[Any], ...]) -> Any:
    """The one method that differs from class to class, as the standard library writes it."""
    known: dict[str, Any] = {"_set": object.__setattr__, "_made_anew": dataclasses.MISSING}
    parameters, lines = [], []
    for one in fields:
        value = one.name
        if one.default_factory is not dataclasses.MISSING:
            known[f"_make_{one.name}"] = one.default_factory
            parameters.append(f"{one.name}=_made_anew")
            value = f"_make_{one.name}() if {one.name} is _made_anew else {one.name}"
        elif one.default is not dataclasses.MISSING:
            known[f"_default_{one.name}"] = one.default
            parameters.append(f"{one.name}=_default_{one.name}")
        else:
            parameters.append(one.name)
        lines.append(f"  _set(self, {one.name!r}, {value})")
    if hasattr(cls, "__post_init__"):
        lines.append("  self.__post_init__()")
    exec(f"def __init__(self, {', '.join(parameters)}):\n" + "\n".join(lines), known)  # noqa: S102
    init = known["__init__"]
    init.__annotations__ = {one.name: one.type for one in fields} | {"return": None}
    return init
