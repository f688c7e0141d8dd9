"""Failures inside the app: each is shown, kept if it is a bug, and the app goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static
from textual.worker import WorkerFailed

from delivery.log import location_of
from delivery.report import Report
from domain.safe import safe
from tui.key_names import and_key, key_of
from tui.state.live_report import LiveReport
from tui.state.store_access import Refused
from tui.widgets.notices import Notice, NoticePosted


class BugScreen(ModalScreen[None]):
    """Panel for a bug; the screens below go on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape,enter", "dismiss(None)", "close", id="bug.close"),
    ]

    def __init__(self, sentence: str, report: Report | None, place: str = "") -> None:
        """`place` is the line of code that failed, by which a bug is known."""
        super().__init__()
        self.place = place
        self._sentence = sentence
        self._sends = report is not None and report.worker_alive

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Text("Something went wrong inside Tocsin.", style="bold"))
            yield Static(Text(safe(self._sentence, 600)))
            sending = "Deliveries go on." if self._sends else "Nobody is sending."
            close = key_of(self, "bug.close")
            yield Static(Text(and_key(sending, close, "closes this panel.", " ")))


MOST_BUGS = 3
"""After so many different ones the app gives up: it would only fail again."""

EXIT_BUG = 70


class FailureHandler:
    """Handler of exceptions: shows the reason of a refusal, and logs and shows a bug."""

    def __init__(
        self, app: App[int], live: LiveReport, keep_bug: Callable[[BaseException], str]
    ) -> None:
        """`keep_bug` writes a bug to the log and returns a sentence with its path."""
        self.keep_bug = keep_bug
        self.is_open = False
        self.last_bug = ""
        self._app = app
        self._live = live
        self._places: set[str] = set()

    def handle(self, error: Exception) -> None:
        """Show the reason of a refusal; log a bug without local values, and open a panel.

        After some different ones, or before the screen is open, a bug ends the app with status 70.
        """
        cause = error.error if isinstance(error, WorkerFailed) else error
        if isinstance(cause, Refused):
            self._app.post_message(NoticePosted(Notice(str(cause), bad=True)))
            return
        place = location_of(cause)
        if self._is_shown(place):
            return
        self._places.add(place)
        self.last_bug = self.keep_bug(cause)
        if len(self._places) >= MOST_BUGS or not self._app.is_running or not self.is_open:
            self._app.exit(EXIT_BUG, message=self.last_bug)
            return
        self._app.push_screen(BugScreen(self.last_bug, self._live.report, place))

    def _is_shown(self, place: str) -> bool:
        """Return True if a panel for this bug is open, as with one at each tick."""
        if not self.is_open:
            return False
        panels = [screen for screen in self._app.screen_stack if isinstance(screen, BugScreen)]
        return any(panel.place == place for panel in panels)
