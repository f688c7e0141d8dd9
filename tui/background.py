"""Work that a screen lets go on in the background, and what is told when it fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, ParamSpec

from textual.message import Message
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from tui.desk import Desk, Refused
from tui.notices import tell

P = ParamSpec("P")


class BackgroundScreen(Screen[Any]):
    """A screen whose work in the background fails like anything else that fails."""

    desk: Desk

    @dataclass
    class Failed(Message):
        """Work in the background has met a bug."""

        error: Exception

    def in_background(
        self, work: Coroutine[Any, Any, None], *, group: str = "default", exclusive: bool = False
    ) -> None:
        """Let something go on without holding up the keys; what is refused or fails is told.

        It ends with the screen, so it is for what only the screen needs.
        """
        self.run_worker(work, group=group, exclusive=exclusive, exit_on_error=False)

    def beyond_screen(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something go on in the background, and be told, wherever the admin goes."""
        self.app.run_worker(work, exit_on_error=False)

    def in_turn(
        self, change: Callable[P, Awaitable[None]], *args: P.args, **named: P.kwargs
    ) -> None:
        """Make a change when those asked for before it are done, wherever the admin goes."""
        self.beyond_screen(self.desk.turns.take(partial(change, *args, **named)))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Tell what was refused, and hand on what failed."""
        error = event.worker.error
        if event.state is not WorkerState.ERROR or error is None:
            return
        if isinstance(error, Refused):
            tell(self, str(error), bad=True)
        elif isinstance(error, Exception):
            self.post_message(self.Failed(error))
