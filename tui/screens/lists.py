"""Bases of screens with a list: reading rows in the background, and filtering."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import events, on
from textual.widgets import Input

from tui.screens.base import TocsinScreen
from tui.state.store_access import Refused
from tui.widgets.filter_line import FilterLine
from tui.widgets.live_table import Key, LiveTable


class ReadingScreen(TocsinScreen):
    """Base of a screen that shows what `read_store` reads; it is never read twice at once.

    Keys for what is shown wait until it was read first.
    """

    takes_keys = False

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._stale = self._reading = False

    def show(self) -> None:
        self.read_soon()

    def is_ready_for_keys(self) -> bool:
        return super().is_ready_for_keys() and not (self._stale or self._reading)

    def must_wait(self, event: events.Key | events.Paste) -> bool:
        """Return False for the keys to another section or out of the app: they never wait."""
        binding = self.active_bindings.get(event.key) if isinstance(event, events.Key) else None
        return binding is None or binding.node is not self.app

    def tick(self) -> None:
        """Do nothing: nothing here changes with the clock alone."""

    def read_soon(self) -> None:
        """Read the store in the background; once more afterwards if it is being read already."""
        self._stale = True
        if not self._reading:
            self.in_background(self._read())

    async def read_store(self) -> None:
        """Read what may have changed, and show it."""
        raise NotImplementedError

    async def _read(self) -> None:
        if self._reading:
            return
        self._reading = True
        try:
            while self._stale:
                self._stale = False
                await self.read_store()
        except Refused:
            self._stale = False  # the first line says it
        finally:
            self._reading = False
            self.take_keys()


class ListScreen(ReadingScreen):
    """Base of a screen with a LiveTable, whose rows are read when in sight, and a FilterLine.

    A filter is tried while it is typed. A wrong filter changes nothing: the list shows what the
    last entered one finds, and Enter stays in the box. The keys behind Enter are for what is found.
    """

    NO_FILTER: ClassVar[Any] = ()
    """The result of `read_filter` for an empty text."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._entered = self._shown = (self.NO_FILTER, "")
        self._wrong = self._is_entering = False

    @property
    def filter_line(self) -> FilterLine:
        """The line in which the filter is typed."""
        return self.query_one(FilterLine)

    def on_mount(self) -> None:
        self.filter_line.box.before_find = self._begin_to_enter
        self.table.focus()
        self.show()

    def show_table(self, there_are_rows: bool) -> None:
        """Show the table, with the focus if nothing has it, or hide it in favour of a text."""
        self.table.display = there_are_rows
        if there_are_rows and self.focused is None:
            self.set_focus(self.table)

    async def read_filter(self, text: str) -> Any:
        """Read a filter. Raises ValueError or Refused with what to write instead."""
        raise NotImplementedError

    def filter_by(self, wanted: Any, text: str) -> None:
        """Show only the rows of a filter; `text` is the filter as it was typed."""
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
        self._enter(self.NO_FILTER, "")

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
        """Show what is found by the text so far, if it can be read."""
        if self.filter_line.display:
            await self._try(message.value)

    async def _try(self, text: str) -> tuple[Any, str]:
        """Show what a text finds, or why it is wrong and the rows of before; return the filter."""
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

    def is_ready_for_keys(self) -> bool:
        return super().is_ready_for_keys() and not self._is_entering

    def must_wait(self, event: events.Key | events.Paste) -> bool:
        return self._is_entering or super().must_wait(event)

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

    async def read_rows(self, keys: Sequence[Key]) -> None:
        """Read rows that came into sight, and put them into the table. May raise Refused."""
        raise NotImplementedError

    @on(LiveTable.RowsWanted)
    def _rows_wanted(self, message: LiveTable.RowsWanted) -> None:
        self.provide_rows(message.keys)

    def provide_rows(self, keys: Sequence[Key]) -> None:
        """Let rows be read in the background that came into sight."""
        self.in_background(self._read_rows_there(keys), group="rows", exclusive=True)

    async def _read_rows_there(self, keys: Sequence[Key]) -> None:
        try:
            await self.read_rows(keys)
        except Refused:
            return  # the first line says it
