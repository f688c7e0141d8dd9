"""Work that a screen lets go on in the background, and what is told when it fails."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from textual.message import Message
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from tui.desk import Refused
from tui.notices import tell


class BackgroundScreen(Screen[Any]):
    """A screen whose work in the background fails like anything else that fails."""

    @dataclass
    class Failed(Message):
        """Work in the background has met a bug."""

        error: Exception

    def in_background(
        self, work: Coroutine[Any, Any, None], *, group: str = "default", exclusive: bool = False
    ) -> None:
        """Let something go on without holding up the keys; what is refused or fails is told."""
        self.run_worker(work, group=group, exclusive=exclusive, exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Tell what was refused, and hand on what failed."""
        error = event.worker.error
        if event.state is not WorkerState.ERROR or error is None:
            return
        if isinstance(error, Refused):
            tell(self, str(error), bad=True)
        elif isinstance(error, Exception):
            self.post_message(self.Failed(error))
