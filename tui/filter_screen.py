"""What every screen with a list and a filter does in the same way."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import on
from textual.widgets import Input

from tui.desk import Refused
from tui.key_order import ReadyLater
from tui.screens.base import TocsinScreen
from tui.widgets.filter_line import FilterLine
from tui.widgets.live_table import LiveTable


class FilterScreen(ReadyLater, TocsinScreen):
    """A LiveTable and a FilterLine.

    A filter is tried while it is typed. One that is wrong changes nothing: the list shows what the
    last entered one finds, and Enter stays in the box. The keys behind Enter are for what is found.
    """

    takes_keys = True

    NOTHING: ClassVar[Any] = ()
    """What `read_filter` makes of no text."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._entered = self._shown = (self.NOTHING, "")
        self._wrong = self._is_entering = False

    @property
    def table(self) -> LiveTable:
        """The list."""
        return self.query_one(LiveTable)

    @property
    def filter_line(self) -> FilterLine:
        """Where its filter is typed."""
        return self.query_one(FilterLine)

    def on_mount(self) -> None:
        self.filter_line.box.entering = self._begin_to_enter
        self.table.focus()
        self.show()

    def show_table(self, there_are_rows: bool) -> None:
        """Show the list or leave its place to words; a hidden list has lost the keys."""
        self.table.display = there_are_rows
        if there_are_rows and self.focused is None:
            self.set_focus(self.table)

    async def read_filter(self, text: str) -> Any:
        """What a filter asks for. Raises ValueError or Refused with what to write instead."""
        raise NotImplementedError

    def filter_by(self, wanted: Any, text: str) -> None:
        """Show only what is asked for, by the text that is told."""
        raise NotImplementedError

    def action_filter(self) -> None:
        """Open the filter's box."""
        self.filter_line.open()

    def action_back(self) -> None:
        """Take the filter away first, then leave."""
        if not self.filter_line.display:
            super().action_back()
            return
        self._close_filter()

    def _close_filter(self) -> None:
        self.filter_line.close()
        self.set_focus(self.table)
        self._enter(self.NOTHING, "")

    def _enter(self, wanted: Any, text: str) -> None:
        self._entered = (wanted, text)
        self._wrong = False
        self._show_filtered(wanted, text)

    def _show_filtered(self, wanted: Any, text: str) -> None:
        if (wanted, text) != self._shown:
            self._shown = (wanted, text)
            self.filter_by(wanted, text)

    @on(Input.Changed)
    async def _filter_typed(self, message: Input.Changed) -> None:
        """Show what it finds as far as it can be read."""
        if self.filter_line.display:
            await self._try(message.value)

    async def _try(self, text: str) -> tuple[Any, str]:
        """Show what is typed, or else what was there before it, with the reason."""
        reason, found = "", self._entered
        try:
            found = (await self.read_filter(text), text.strip())
        except (ValueError, Refused) as error:
            reason = str(error)
        self._wrong = bool(reason)
        self.filter_line.refuse(reason)
        self._show_filtered(*found)
        return found

    def _begin_to_enter(self) -> None:
        self._is_entering = True
        self.hold_keys()

    def keys_may_come(self) -> bool:
        return super().keys_may_come() and not self._is_entering

    @on(Input.Submitted)
    async def _filter_entered(self, message: Input.Submitted) -> None:
        try:
            found = await self._try(message.value)
            if not self._wrong:
                self._go_to_found(*found)
        finally:
            self._is_entering = False
            self.take_keys()

    def _go_to_found(self, wanted: Any, text: str) -> None:
        if text:
            self._enter(wanted, text)
            self.set_focus(self.table)  # at once: what is typed next belongs there
        else:
            self._close_filter()
