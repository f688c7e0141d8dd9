"""Screens that look at the store in the background, whenever it may have changed."""

from __future__ import annotations

from typing import Any

from tui.desk import Refused
from tui.screens.base import TocsinScreen


class LookingScreen(TocsinScreen):
    """`look` reads and shows; what comes meanwhile makes it look once more, never twice at once."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._stale = self._looking = False

    def show(self) -> None:
        self.look_soon()

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
            return  # the first line says it
        finally:
            self._looking = False
