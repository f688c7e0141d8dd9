"""What every screen with a long list does in the same way: it reads few rows, and it filters."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on

from tui.desk import Refused
from tui.filter_screen import FilterScreen
from tui.looking import LookingScreen
from tui.widgets.live_table import Key, LiveTable


class ListScreen(LookingScreen, FilterScreen):
    """A list whose rows are read when they come into sight."""

    async def read_rows(self, keys: Sequence[Key]) -> None:
        """Read rows that came into sight, and put them into the table. May raise Refused."""
        raise NotImplementedError

    @on(LiveTable.Wanted)
    def _wanted(self, message: LiveTable.Wanted) -> None:
        self.in_background(self._read_rows_there(message.keys), group="rows", exclusive=True)

    async def _read_rows_there(self, keys: Sequence[Key]) -> None:
        try:
            await self.read_rows(keys)
        except Refused:
            return  # the first line says it
