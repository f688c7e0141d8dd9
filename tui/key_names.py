"""Names of keys as texts show them, by the ids of the configuration.

A file of its own since widgets, screens and shell all name keys.
"""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.binding import BindingsMap
from textual.screen import Screen

from tui.terminal.bindings import bindings_in_reach, node_bindings

ENTER = "↵"
OF_EVERY_SCREEN = ("help", "back")
"""Ids that each screen has, so that they stand after its own."""


def key_of(screen: Screen[Any], id_: str) -> str:
    """Return the key that an id of `[keys]` has on a screen, also while it would do nothing.

    Of several keys the first one, as the last line and the help show it; "" if it has none there.
    """
    app = screen.app
    own = node_bindings(screen)  # a box that takes the keys has taken them out of reach
    return _first_key(app, id_, *bindings_in_reach(screen), own)


def app_key_of(app: App[Any], id_: str) -> str:
    """Return the key that an id has in the whole app, also while a box takes it as text."""
    return _first_key(app, id_, node_bindings(app))


def _first_key(app: App[Any], id_: str, *maps: BindingsMap) -> str:
    found = (binding for bindings in maps for _, binding in bindings if binding.id == id_)
    return next(map(app.get_key_display, found), "")


def with_key(what: str, key: str) -> str:
    """Return the words of an action with its key, if that is not taken by another id."""
    return f"{what} ({key})" if key else what


def and_key(text: str, key: str, does: str, joint: str = "; ") -> str:
    """Return a text that ends with a key and its action: "it is paused; u undoes it"."""
    return f"{text}{joint}{key} {does}" if key else text


def keys_do(*keys: tuple[str, str]) -> str:
    """Return keys with their actions: "n sends it, q closes"."""
    return ", ".join(f"{key} {does}" for key, does in keys if key)
