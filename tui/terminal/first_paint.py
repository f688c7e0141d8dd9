"""First paint of the app: everything at once, as soon as all of it is known.

Textual paints a new screen by and by: each part when it knows its size, each a sixtieth of a
second after it asked. On a slow line that is several screens of bytes before the first one can be
read. It does so here too where a private part of it is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from textual.app import App
from textual.screen import Screen

from tui.terminal.private_parts import are_known


def hold_back_paint(app: App[Any]) -> None:
    """Let nothing be painted until `paint_first`."""
    if are_known("first_paint"):
        app._begin_batch()


def paint_first(app: App[Any], then: Callable[[], object]) -> None:
    """Paint the screen when its parts have taken in the sizes that they have just been sent.

    `then` is called once the paint is on its way.
    """
    screen = app.screen

    def paint() -> None:
        if are_known("first_paint"):
            lay_out(screen)
            app._end_batch()
            screen.refresh()
            screen._on_timer_update()
        then()

    screen.call_later(app.call_later, paint)


def lay_out(screen: Screen[Any]) -> None:
    """Give every part its place while nothing is painted, so that all is painted only once."""
    if are_known("first_paint") and screen._layout_required:
        screen._refresh_layout()
        screen._layout_required = False


def take_size(screen: Screen[Any]) -> None:
    """Give a screen the classes of its size before it has parts.

    Textual gives them when all is laid out, and then makes the styles of every part once more.
    """
    app = screen.app
    widths = screen.HORIZONTAL_BREAKPOINTS or app.HORIZONTAL_BREAKPOINTS or []
    heights = screen.VERTICAL_BREAKPOINTS or app.VERTICAL_BREAKPOINTS or []
    reached = _reached(widths, app.size.width) + _reached(heights, app.size.height)
    classes = {name: name in reached for _, name in (*widths, *heights)}
    screen.update_classes(classes, update=False)


def _reached(steps: Iterable[tuple[int, str]], size: int) -> list[str]:
    """Return the class of the highest step that a size reaches."""
    return [name for least, name in sorted(steps) if least <= size][-1:]
