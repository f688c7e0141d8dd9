"""How the keys of the screen are shown, wherever a text names one."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen

ENTER = "↵"


def key_of(screen: Screen[Any], id_: str) -> str:
    """The key that an id of `[keys]` has on a screen now; "" while it has none there.

    Of several keys the first one, as the last line and the help show it.
    """
    for active in screen.active_bindings.values():
        if active.binding.id == id_:
            return screen.app.get_key_display(active.binding)
    return ""
