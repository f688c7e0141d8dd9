"""Screens that look at the store in the background, whenever it may have changed."""

from __future__ import annotations

from typing import Any

from textual import events

from tui.desk import Refused
from tui.key_order import ReadyLater
from tui.screens.base import TocsinScreen


class LookingScreen(ReadyLater, TocsinScreen):
    """`look` reads and shows; what comes meanwhile makes it look once more, never twice at once.

    Keys for what is shown wait for the first look.
    """

    takes_keys = False

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._stale = self._looking = False

    def show(self) -> None:
        self.look_soon()

    def keys_may_come(self) -> bool:
        return super().keys_may_come() and not (self._stale or self._looking)

    def is_for_this(self, event: events.Key | events.Paste) -> bool:
        """The way to another section, or out of the app, is open at once."""
        binding = self.active_bindings.get(event.key) if isinstance(event, events.Key) else None
        return binding is None or binding.node is not self.app

    def tick(self) -> None:
        """Nothing here changes with the clock alone."""

    def look_soon(self) -> None:
        """Look at the store in the background; while a look is under way, another follows it."""
        self._stale = True
        if not self._looking:
            self.in_background(self._look())

    async def look(self) -> None:
        """Read what may have changed, and show it."""
        raise NotImplementedError

    async def after_look(self) -> None:
        """What else is to be told then."""

    async def _look(self) -> None:
        if self._looking:
            return
        self._looking = True
        try:
            while self._stale:
                self._stale = False
                await self.look()
                await self.after_look()
        except Refused:
            self._stale = False  # the first line says it
        finally:
            self._looking = False
            self.take_keys()
