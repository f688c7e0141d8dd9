"""Themes: the colours of the settings, as far as the terminal has them, or none (NO_COLOR)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from rich.color import Color as TerminalColor
from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.color import Color
from textual.filter import LineFilter, Monochrome

from delivery.report import Report
from domain.settings import DEFAULTS

_TEXTUAL_NAMES = {"dark": "textual-dark", "light": "textual-light"}
_IN_FEW_COLOURS = {"dark": "ansi-dark", "light": "ansi-light"}
MANY_COLOURS = ("256", "truecolor", "windows")


def textual_name(theme: str) -> str:
    """Return the name that Textual has for a theme."""
    return _TEXTUAL_NAMES.get(theme, theme)


def own_name(textual_theme: str) -> str:
    """Return the name that the setting has for a theme of Textual."""
    names = {theirs: ours for ours, theirs in _TEXTUAL_NAMES.items()}
    return names.get(textual_theme, textual_theme)


def has_few_colours(app: App[Any]) -> bool:
    """Return True if the terminal has too few colours for the shades of a theme."""
    has_colours = not (app.is_headless or app.no_color)
    return has_colours and app.console.color_system not in MANY_COLOURS


def wanted_theme(report: Report, *, few_colours: bool) -> str:
    """Return the theme of the settings, or the like one for a terminal of few colours."""
    theme = report.settings.theme
    return _IN_FEW_COLOURS.get(theme, theme) if few_colours else theme


class ThemeFollower:
    """Applies the theme of the settings when it changes; the palette's choice lasts until then."""

    def __init__(self) -> None:
        self._applied = DEFAULTS.theme

    def follow(self, app: App[Any], report: Report | None) -> None:
        """Apply the theme of the settings, if it is another than the last one."""
        if report is None:
            return
        wanted = wanted_theme(report, few_colours=has_few_colours(app))
        if wanted != self._applied:
            self._applied = wanted
            app.theme = textual_name(wanted)


LIT = 0.15
"""The difference in brightness to the screen from which a background is shown reversed."""

FAINT = 0.45
"""The difference in brightness to its background below which a text is shown dim."""


class NoColour(LineFilter):
    """Filter of lines that shows bold, dim and reversed text in place of colours."""

    def __init__(self, app: App[Any]) -> None:
        super().__init__()
        self._app = app

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments without colours."""
        ground = self._app.theme_variables["background"]
        return [
            Segment(text, style and _without_colour(style, ground), control)
            for text, style, control in segments
        ]

    def instead_of_greys(self, filters: Iterable[LineFilter]) -> list[LineFilter]:
        """Return the filters of the app with this one in place of Textual's own."""
        return [*(other for other in filters if not isinstance(other, Monochrome)), self]


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
    """Return True if a background is not the screen's; where that is the terminal's own, any is."""
    return screen.ansi is not None or abs(ground - screen.brightness) > LIT


def _brightness(color: TerminalColor | None) -> float | None:
    if color is None or color.is_default:
        return None
    return Color.from_rich_color(color).brightness
