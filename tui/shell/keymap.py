"""Check of the keys that a configuration file gives: each error in one sentence.

It loads every screen, so it is called only where there are such keys.
"""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from importlib import import_module
from itertools import combinations
from types import ModuleType
from typing import TypeVar

from textual.app import App
from textual.binding import Binding, InvalidBinding
from textual.dom import DOMNode
from textual.keys import KEY_NAME_REPLACEMENTS, Keys, key_to_character
from textual.screen import ModalScreen, Screen
from textual.widget import Widget

import tui
from tui.terminal.bindings import class_bindings

T = TypeVar("T", bound=DOMNode)
MODIFIERS = frozenset({"ctrl", "shift", "alt", "super", "hyper", "meta"})
NAMES = frozenset({*(key.value for key in Keys), *KEY_NAME_REPLACEMENTS.values()})
PAGE = "docs/keys.md lists all"

Bound = tuple[str, str]
"""An id and one of its keys."""

Chain = tuple[set[Bound], ...]
"""The bindings of a widget, its screen and the app, in the order in which a key comes by."""


def complaints(keymap: Mapping[str, str]) -> list[str]:
    """Return an error for each unknown id, impossible key, and key of two ids of a screen."""
    chains = list(_chains())
    ids = {id_ for chain in chains for level in chain for id_, _ in level}
    unknown = [_unknown_id(id_, ids) for id_ in keymap if id_ not in ids]
    known = {id_: keys for id_, keys in keymap.items() if id_ in ids}
    wrong = [found for id_, keys in known.items() for found in _wrong_keys(id_, keys)]
    given = {(id_, key) for id_, keys in known.items() for key in _split(keys)}
    clashes = dict.fromkeys(found for chain in chains for found in _clashes(chain, given))
    return [*unknown, *wrong, *clashes]


def usable(keymap: Mapping[str, str]) -> dict[str, str]:
    """Return the usable part: an id whose keys are all wrong keeps its default ones."""
    kept = {id_: ",".join(filter(_is_right, _split(keys))) for id_, keys in keymap.items()}
    return {id_: keys for id_, keys in kept.items() if keys}


def _unknown_id(id_: str, ids: set[str]) -> str:
    return f'"{id_}" is no id of a key: {_nearest(id_, ids)}{PAGE}'


def _wrong_keys(id_: str, keys: str) -> Iterator[str]:
    if not _split(keys):
        yield f'"{id_}" has no key: write one, or leave the line out'
    for key in _split(keys):
        *modifiers, name = key.split("+")
        if modifiers == ["shift"] and len(name) == 1:
            yield f'"{id_}": terminals send {key} as {name.upper()}: write that'
        elif not _is_key(modifiers, name):
            yield f'"{id_}": there is no key "{key}": {_nearest(key, _examples())}{PAGE}'


def _is_right(key: str) -> bool:
    *modifiers, name = key.split("+")
    return _is_key(modifiers, name) and not (modifiers == ["shift"] and len(name) == 1)


def _is_key(modifiers: list[str], name: str) -> bool:
    if not MODIFIERS.issuperset(modifiers) or (modifiers and name != name.lower()):
        return False
    return len(name) == 1 or name in NAMES or key_to_character(name) is not None


def _examples() -> set[str]:
    return {key for chain in _chains() for level in chain for _, key in level} | {*NAMES}


def _nearest(word: str, words: set[str]) -> str:
    near = get_close_matches(word.lower(), sorted(words), n=1)
    return f'perhaps "{near[0]}"; ' if near else ""


def _clashes(chain: Chain, given: set[Bound]) -> Iterator[str]:
    """Yield an error for each pair that shares a key by the configuration, not by default."""
    moved = {id_ for id_, _ in given}
    ids = {id_ for level in chain for id_, _ in level}
    bound = {(id_, key) for level in chain for id_, key in level if id_ not in moved}
    bound |= {(id_, key) for id_, key in given if id_ in ids}
    by_default = set(_sharing(set().union(*chain)))
    for first, second, key in sorted(_sharing(bound)):
        if (first, second, key) not in by_default and {(first, key), (second, key)} & given:
            yield _what_holds(chain, bound, given, (first, second), key)


def _what_holds(
    chain: Chain, bound: set[Bound], given: set[Bound], pair: tuple[str, str], key: str
) -> str:
    """Return the error for two ids with one key: the nearer gets it, or the one in the file."""
    places = {id_: _level_of(id_, chain) for id_ in pair}
    if len(set(places.values())) == 1 and {(id_, key) for id_ in pair} <= given:
        return f'"{pair[0]}" and "{pair[1]}" both want the key {key} on one screen: move one'
    winner, loser = sorted(pair, key=lambda id_: (places[id_], (id_, key) not in given))
    left = sorted(of for id_, of in bound if id_ == loser and of != key)
    rest = f"keeps {', '.join(left)}" if left else "has none there: give it another"
    return f'"{winner}" has the key {key} before "{loser}", which {rest}'


def _level_of(id_: str, chain: Chain) -> int:
    return next(place for place, level in enumerate(chain) if id_ in {known for known, _ in level})


def _sharing(bound: set[Bound]) -> Iterator[tuple[str, str, str]]:
    by_key: dict[str, set[str]] = {}
    for id_, key in bound:
        by_key.setdefault(key, set()).add(id_)
    for key, ids in by_key.items():
        for first, second in combinations(sorted(ids), 2):
            yield first, second, key


def _split(keys: str) -> list[str]:
    """Return each key by the name that Textual has for it."""
    written = ",".join(filter(None, (key.strip() for key in keys.split(","))))
    try:
        return [binding.key for binding in Binding.make_bindings([Binding(written, "")])]
    except InvalidBinding:
        return []


def _chains() -> Iterator[Chain]:
    """Yield the chain of each widget of each screen: the widget, its screen, and the app."""
    kinds = list(_kinds())
    apps = [kind for kind in kinds if issubclass(kind, App)]
    first, app = (
        {bound for kind in apps for bound in _bound(kind, priority=priority)}
        for priority in (True, False)
    )
    for kind in kinds:
        if issubclass(kind, Screen):
            own = _bound(kind)
            beyond = set() if issubclass(kind, ModalScreen) else app
            yield (first, own, beyond)
            yield from ((first, _bound(widget), own, beyond) for widget in _widgets_of(kind))
        elif issubclass(kind, Widget):
            yield (first, _bound(kind))


def _kinds() -> Iterator[type[DOMNode]]:
    """Yield the classes of the app, its screens and its widgets."""
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        with suppress(ImportError):  # one that is built on what this Textual lacks is not used
            for kind in _classes_in(import_module(module.name), DOMNode):
                if kind.__module__ == module.name:
                    yield kind


def _widgets_of(screen: type[DOMNode]) -> Iterator[type[Widget]]:
    """Yield the widgets that the module of a screen, or of a class above it, imports."""
    for base in screen.__mro__:
        if base.__module__.startswith("tui."):
            for kind in _classes_in(sys.modules[base.__module__], Widget):
                if kind.__module__.startswith("tui.widgets."):
                    yield kind


def _classes_in(module: ModuleType, base: type[T]) -> Iterator[type[T]]:
    for thing in vars(module).values():
        if isinstance(thing, type) and issubclass(thing, base):
            yield thing


def _bound(kind: type[DOMNode], *, priority: bool | None = None) -> set[Bound]:
    """Return every id of a class with its keys, inherited ones included."""
    return {
        (binding.id, key)
        for key, binding in class_bindings(kind)
        if binding.id and priority in (None, binding.priority)
    }
