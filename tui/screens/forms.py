"""Base of forms: a screen that ends by itself when it is saved.

It is a file of its own since two kinds of form share it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from textual.binding import Binding

from tui.screens.base import TocsinScreen

BETWEEN_FIELDS: tuple[Binding, ...] = (
    Binding("tab", "app.focus_next", "next field", show=False, priority=True, id="form.next"),
    Binding(
        "shift+tab",
        "app.focus_previous",
        "field before",
        show=False,
        priority=True,
        id="form.previous",
    ),
    Binding("f1", "app.help", "help", id="form.help", tooltip="every key of this form"),
)
"""Keys of every form: to the fields before and behind, and help."""


class EndingScreen(TocsinScreen):
    """A screen that ends with a result as soon as nothing covers it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._end: Callable[[], object] | None = None

    @property
    def is_ending(self) -> bool:
        """True if the screen closes as soon as nothing covers it."""
        return self._end is not None

    def end_with(self, result: object, arrive: Callable[[], Awaitable[None]] | None = None) -> None:
        """Leave, but not before the screen is uncovered: leaving closes the uppermost one.

        `arrive` then goes elsewhere.
        """
        self._end = partial(self._close, result, arrive)
        self._end_if_seen()

    def _close(self, result: object, arrive: Callable[[], Awaitable[None]] | None) -> None:
        self.dismiss(result)
        if arrive is not None:
            self.app.call_later(arrive)

    def on_screen_resume(self) -> None:
        self._end_if_seen()

    def _end_if_seen(self) -> None:
        if self._end is not None and self.is_active:
            self._end()
