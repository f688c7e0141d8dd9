"""Admin › Worker and settings."""

from __future__ import annotations

from collections.abc import Iterable

from textual.widget import Widget

from tui.screens.base import TocsinScreen
from tui.widgets.facts import Facts


class SettingsScreen(TocsinScreen):
    """Who sends, and by which settings."""

    CRUMBS = "Admin › Worker and settings"

    def body(self) -> Iterable[Widget]:
        yield Facts(id="workers")
