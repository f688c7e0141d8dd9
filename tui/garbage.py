"""What Textual keeps of screens that are gone, let go: memory must not grow with every key.

Both parts of Textual that are mended here are private; one without them is left as it is.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from textual._styles_cache import StylesCache
from textual.app import App

MOST_COLOURS = 1024


def share_colours() -> None:
    """Let a pair of colours be worked out once for all widgets.

    Textual keeps a thousand of them together with the widget that asked, which needs nothing of
    it; with the widget goes every line that it ever painted.
    """
    method = vars(StylesCache).get("get_inner_outer")
    plain = getattr(method, "__wrapped__", None)
    if plain is not None and not isinstance(method, classmethod):
        colours: Any = lru_cache(MOST_COLOURS)(plain)
        StylesCache.get_inner_outer = classmethod(colours)  # type: ignore[assignment]


def forget_watchers(app: App[Any]) -> None:
    """Forget who watched something of the app and is gone.

    Textual does so only when that changes, as the theme never may.
    """
    for watchers in getattr(app, "__watchers", {}).values():
        watchers[:] = [(one, call) for one, call in watchers if not one._closing]
