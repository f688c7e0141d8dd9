"""A screen without any colour, the terminal's own included: bold, dim and reversed text alone.

Textual makes greys of its colours for those who want none, and paints a light terminal black.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from rich.color import Color as TerminalColor
from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.color import Color
from textual.filter import LineFilter, Monochrome

LIT = 0.15
"""How much lighter or darker than the screen a ground is that is shown reversed."""

FAINT = 0.45
"""How little of a text stands out from its ground that is shown dim."""


class NoColour(LineFilter):
    """Says with attributes what the colours of the theme say."""

    def __init__(self, app: App[Any]) -> None:
        super().__init__()
        self._app = app

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments, without colours."""
        ground = self._app.theme_variables["background"]
        return [
            Segment(text, style and _without_colour(style, ground), control)
            for text, style, control in segments
        ]


def wear_no_colour(app: App[Any]) -> None:
    """Let an app whose owner wants no colours write none."""
    kept = [one for one in app._filters if not isinstance(one, Monochrome)]
    app._filters = [*kept, NoColour(app)]


@lru_cache(maxsize=4_096)
def _without_colour(style: Style, screen: str) -> Style:
    text, ground = _brightness(style.color), _brightness(style.bgcolor)
    if style.reverse:
        text, ground = ground, text
    plain = style.without_color + Style.from_meta(style.meta)
    if ground is None or text is None:
        return plain
    is_lit = _stands_out(ground, Color.parse(screen))
    return plain + Style(reverse=is_lit, dim=abs(text - ground) < FAINT and not is_lit)


def _stands_out(ground: float, screen: Color) -> bool:
    """Whether a ground is another than the screen's; where that is the terminal's own, any is."""
    return screen.ansi is not None or abs(ground - screen.brightness) > LIT


def _brightness(color: TerminalColor | None) -> float | None:
    if color is None or color.is_default:
        return None
    return Color.from_rich_color(color).brightness
