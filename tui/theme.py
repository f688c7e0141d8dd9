"""The colours that the settings ask for, as far as the terminal has them."""

from __future__ import annotations

from typing import Any

from textual.app import App

from delivery.report import Report
from domain.settings import DEFAULTS

_TEXTUAL_NAMES = {"dark": "textual-dark", "light": "textual-light"}
_IN_FEW_COLOURS = {"dark": "ansi-dark", "light": "ansi-light"}
MANY_COLOURS = ("256", "truecolor", "windows")


def textual_name(theme: str) -> str:
    """What Textual calls a theme."""
    return _TEXTUAL_NAMES.get(theme, theme)


def own_name(textual_theme: str) -> str:
    """What the setting calls a theme of Textual."""
    names = {theirs: ours for ours, theirs in _TEXTUAL_NAMES.items()}
    return names.get(textual_theme, textual_theme)


def has_few_colours(app: App[Any]) -> bool:
    """Whether the terminal has so few that what shades tell apart would look the same."""
    has_colours = not (app.is_headless or app.no_color)
    return has_colours and app.console.color_system not in MANY_COLOURS


def wanted_theme(report: Report, *, few_colours: bool) -> str:
    """The theme that is set, or its likeness where its shades would be greys, the alarms' too."""
    theme = report.settings.theme
    return _IN_FEW_COLOURS.get(theme, theme) if few_colours else theme


class Wardrobe:
    """Puts colours on when the setting changes, so that a choice of the moment lasts meanwhile."""

    def __init__(self) -> None:
        self._worn = DEFAULTS.theme

    def dress(self, app: App[Any], report: Report | None) -> None:
        """Put on what the settings say, if that is new."""
        if report is None:
            return
        wanted = wanted_theme(report, few_colours=has_few_colours(app))
        if wanted != self._worn:
            self._worn = wanted
            app.theme = textual_name(wanted)
