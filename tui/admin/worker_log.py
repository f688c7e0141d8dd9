"""Admin › Log: the newest log lines of this terminal's worker.

It is a file of its own since it is a screen of its own.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widget import Widget

from domain.safe import safe
from tui.screens.base import TocsinScreen
from tui.widgets.lines import StaticText

LONGEST_LINE = 500


class WorkerLogScreen(TocsinScreen):
    """Log lines, the newest at the end and in sight until the admin scrolls."""

    CRUMBS = "Log"

    def body(self) -> Iterable[Widget]:
        with VerticalScroll(classes="panel", id="log-panel"):
            yield StaticText(id="log", classes="")

    def on_mount(self) -> None:
        self._panel.border_title = "This terminal's worker, UTC"
        self._panel.focus()
        self.show()

    @property
    def _panel(self) -> VerticalScroll:
        return self.query_one("#log-panel", VerticalScroll)

    def show(self) -> None:
        at_end = self._panel.is_vertical_scroll_end
        self.query_one("#log", StaticText).show_text(Text("\n".join(self._lines())))
        if at_end:
            self._panel.scroll_end(animate=False)

    def _lines(self) -> list[str]:
        lines = list(self.access.worker.lines)
        return [safe(line, LONGEST_LINE) for line in lines] or ["It has said nothing yet."]
