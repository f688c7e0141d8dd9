"""How the keys of the screen are shown, wherever a text names one."""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.binding import BindingsMap
from textual.screen import Screen

from tui.terminal.bindings import bindings_in_reach, node_bindings

ENTER = "↵"
OF_EVERY_SCREEN = ("help", "back")
"""Ids that each screen has, so that they are told after its own."""


def key_of(screen: Screen[Any], id_: str) -> str:
    """The key that an id of `[keys]` has on a screen, also while there is nothing to do with it.

    Of several keys the first one, as the last line and the help show it; "" if it has none there.
    """
    app = screen.app
    own = node_bindings(screen)  # a box that takes the keys has taken them out of reach
    return _first_key(app, id_, *bindings_in_reach(screen), own)


def app_key_of(app: App[Any], id_: str) -> str:
    """The key that an id has in the whole app, also while a box takes it as what is typed."""
    return _first_key(app, id_, node_bindings(app))


def _first_key(app: App[Any], id_: str, *maps: BindingsMap) -> str:
    found = (one for bindings in maps for _, one in bindings if one.id == id_)
    return next(map(app.get_key_display, found), "")


def with_key(what: str, key: str) -> str:
    """What is done, with the key that does it; one that another id has taken is not told."""
    return f"{what} ({key})" if key else what


def and_key(text: str, key: str, does: str, joint: str = "; ") -> str:
    """A text that ends with what a key does: "it is paused; u undoes it"."""
    return f"{text}{joint}{key} {does}" if key else text


def keys_do(*keys: tuple[str, str]) -> str:
    """What each of these keys does: "n sends it, q closes"."""
    return ", ".join(f"{key} {does}" for key, does in keys if key)
