"""Write docs/keys.md: the id and the keys of each action of the screen.

The words are the binding's own where it has some; else those that stand in the page are kept.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module

from textual.binding import Binding

import tui
from docs.tools.parts import DOCS, in_order_of, names, rewritten, table
from tests.support.documents import table_rows

PAGE = DOCS / "keys.md"
HEAD = ("id", "keys", "on the screen", "what it does")


def page() -> str:
    """Return the whole page. Raises ValueError where an id is in no part of it."""
    bound: dict[str, list[Binding]] = {}
    for binding in bindings():
        bound.setdefault(binding.id or "", []).append(binding)
    placed = {id_ for part in names(PAGE) for id_ in _ids_of(part, bound)}
    if lost := sorted(bound.keys() - placed):
        raise ValueError(f"docs/keys.md has no part for {', '.join(lost)}")
    return rewritten(PAGE, lambda part, old: _table(part, old, bound))


def bindings() -> Iterator[Binding]:
    """Yield the bindings with an id of every class in `tui`."""
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        for thing in vars(import_module(module.name)).values():
            if isinstance(thing, type) and thing.__module__ == module.name:
                own = thing.__dict__.get("BINDINGS", ())
                yield from (one for one in own if isinstance(one, Binding) and one.id)


def _table(part: str, old: str, bound: dict[str, list[Binding]]) -> str:
    words = {row[0].strip("`"): row[-1] for row in table_rows(old)}
    ids = in_order_of(words, _ids_of(part, bound))
    return table(HEAD, [_row(id_, bound[id_], words.get(id_)) for id_ in ids])


def _ids_of(part: str, bound: dict[str, list[Binding]]) -> list[str]:
    """Return the ids that a part names, whole or, as `webhooks.`, by what they begin with."""
    named = part.removeprefix("keys ").split()
    return [id_ for id_ in bound if id_ in named or f"{id_.partition('.')[0]}." in named]


def _row(id_: str, same: list[Binding], old: str | None) -> tuple[str, ...]:
    own = {binding.tooltip for binding in same if binding.tooltip}
    first = next((binding for binding in same if binding.show), same[0])
    meaning = own.pop() if len(own) == 1 else (old or first.description)
    return f"`{id_}`", f"`{first.key}`", first.description, meaning
