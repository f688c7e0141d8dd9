"""The colours that the settings ask for."""

from __future__ import annotations

from typing import Any

from textual.app import App

from delivery.report import Report
from domain.settings import DEFAULTS

_TEXTUAL_NAMES = {"dark": "textual-dark", "light": "textual-light"}


def textual_name(theme: str) -> str:
    """What Textual calls a theme."""
    return _TEXTUAL_NAMES.get(theme, theme)


class Wardrobe:
    """Puts colours on when the setting changes, so that a choice of the moment lasts meanwhile."""

    def __init__(self) -> None:
        self._worn = DEFAULTS.theme

    def dress(self, app: App[Any], report: Report | None) -> None:
        """Put on what the settings say, if that is new."""
        if report is not None and report.settings.theme != self._worn:
            self._worn = report.settings.theme
            app.theme = textual_name(self._worn)
