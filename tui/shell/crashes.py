"""Failures inside the app: each is shown, kept if it is a bug, and the app goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static
from textual.worker import Worker, WorkerFailed, WorkerState

from delivery.log import location_of
from delivery.report import Report
from domain.safe import safe
from tui.key_names import and_key, key_of
from tui.screens.base import TocsinScreen
from tui.shell.navigation import NavigatingApp
from tui.state.live_report import LiveReport
from tui.state.store_access import Refused, StoreAccess
from tui.terminal.exceptions import CatchingApp
from tui.widgets.notices import Notice, NoticePosted


class BugScreen(ModalScreen[None]):
    """A short panel; the screens below go on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape,enter", "dismiss(None)", "close", id="bug.close"),
    ]

    def __init__(self, sentence: str, report: Report | None, place: str = "") -> None:
        """`place` is where it failed, by which a bug is known."""
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


class CrashProofApp(NavigatingApp, CatchingApp):
    """Outlives what fails in its handlers, and in those of all screens and widgets."""

    def __init__(
        self, access: StoreAccess, live: LiveReport, keep_bug: Callable[[BaseException], str]
    ) -> None:
        """`keep_bug` writes a bug down and gives the sentence that says where."""
        super().__init__(access, live)
        self._keep_bug = keep_bug
        self._places: set[str] = set()
        self._is_open = False
        self.last_bug = ""

    def on_ready(self) -> None:
        self._is_open = True

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Handle what failed in work that belongs to no screen."""
        error = event.worker.error
        if event.state is WorkerState.ERROR and isinstance(error, Exception):
            self.handle_failure(error)

    @on(TocsinScreen.Failed)
    def _failed(self, message: TocsinScreen.Failed) -> None:
        self.handle_failure(message.error)

    def handle_failure(self, error: Exception) -> None:
        """Tell what was refused, and of a bug without its local values.

        After some different ones, or before the screen is open, a bug ends the app with status 70.
        """
        cause = error.error if isinstance(error, WorkerFailed) else error
        if isinstance(cause, Refused):
            self.post_message(NoticePosted(Notice(str(cause), bad=True)))
            return
        place = location_of(cause)
        if self._tells_of(place):
            return
        self._places.add(place)
        self.last_bug = self._keep_bug(cause)
        if len(self._places) >= MOST_BUGS or not self.is_running or not self._is_open:
            self.exit(EXIT_BUG, message=self.last_bug)
            return
        self.push_screen(BugScreen(self.last_bug, self.live.report, place))

    def _tells_of(self, place: str) -> bool:
        """Whether a panel is open that tells of this very bug, as of one at each tick."""
        if not self._is_open:
            return False
        panels = [one for one in self.screen_stack if isinstance(one, BugScreen)]
        return any(one.place == place for one in panels)
