"""Memory that Textual keeps of screens that are gone, freed so that it grows with no key.

A file of its own since both places are private parts; a Textual without them is left as it is.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from textual.app import App

from tui.terminal.private_parts import are_known

MOST_COLOURS = 1024


def share_colours() -> None:
    """Let a pair of colours be worked out once for all widgets.

    Textual keeps a thousand of them together with the widget that needed one first, which they do
    not depend on; with the widget stays every line that it ever painted.
    """
    if not are_known("memory"):
        return
    from textual._styles_cache import StylesCache

    method = vars(StylesCache)["get_inner_outer"]
    plain = getattr(method, "__wrapped__", None)
    if plain is not None and not isinstance(method, classmethod):
        colours: Any = lru_cache(MOST_COLOURS)(plain)
        StylesCache.get_inner_outer = classmethod(colours)  # type: ignore[assignment]


def forget_watchers(app: App[Any]) -> None:
    """Forget the widgets that watched something of the app and are gone.

    Textual does so only when that changes, as the theme never may.
    """
    if are_known("memory"):
        for watchers in getattr(app, "__watchers", {}).values():
            watchers[:] = [(node, call) for node, call in watchers if not node._closing]
