"""Table over many rows, few of them in memory, that repaints only the columns that changed.

Textual's DataTable measures every row and repaints the whole table for one cell; this one draws
lines (Textual's line API), keeps its cursor on a key, and asks for rows when they come into sight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message

from tui.cells import GAP, Column, Row, fit_columns
from tui.widgets.lines import changed_regions
from tui.widgets.table_lines import Key, TableLines

__all__ = ["HIDDEN", "STRAYED", "Key", "LiveTable"]

KEPT_ROWS = 4_000
FOR_A_ROW = ("choose", "mark")
MARGIN_ROWS = 60
"""Rows that are read beyond both edges of those in sight."""

STRAYED = "another row came under the cursor by itself: press again for this one"
HIDDEN = "the marked rows are hidden here: nothing was done"


class LiveTable(TableLines, can_focus=True):
    """Table of rows by key: `set_keys` gives their order, `put_rows` their cells."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "cursor(-1)", "up", show=False, id="table.up"),
        Binding("down,j", "cursor(1)", "down", show=False, id="table.down"),
        Binding("pageup", "page(-1)", "page up", show=False, id="table.page-up"),
        Binding("pagedown", "page(1)", "page down", show=False, id="table.page-down"),
        Binding("home,g", "edge(-1)", "first", show=False, id="table.first"),
        Binding("end,G", "edge(1)", "last", show=False, id="table.last"),
        Binding("enter", "choose", "open", id="table.open"),
        Binding("space", "mark", "mark", show=False, id="table.mark"),
    ]

    @dataclass
    class Chosen(Message):
        """Enter was pressed, or the row under the cursor clicked."""

        table: LiveTable
        key: Key

    @dataclass
    class Moved(Message):
        """The cursor came to another row or none, or was sent to the first row and was there."""

        table: LiveTable
        key: Key | None

    @dataclass
    class Marked(Message):
        """The marks changed."""

        table: LiveTable

    @dataclass
    class RowsWanted(Message):
        """Rows came into sight that were never put."""

        table: LiveTable
        keys: list[Key]

    @dataclass
    class KeyRefused(Message):
        """A key did nothing, since it may not be meant for these rows; `why` is a sentence."""

        table: LiveTable
        why: str

    @dataclass
    class SortRequested(Message):
        """The label of a column was clicked."""

        table: LiveTable
        column: str

    def __init__(
        self, columns: Sequence[Column], *, id: str | None = None, markable: bool = False
    ) -> None:
        """`markable` lets the admin mark several rows for one action."""
        super().__init__(columns, id=id)
        self._markable = markable
        self._cursor: Key | None = None
        self._has_strayed = False
        self._strayed_from: Key | None = None

    @property
    def cursor(self) -> Key | None:
        """The key of the row under the cursor."""
        return self._cursor

    @property
    def at_top(self) -> bool:
        """True if the cursor is on the first row, or there is none."""
        return self._index == 0

    def row_of(self, key: Key) -> Row | None:
        """Return the cells of a row, if it was put."""
        return self._rows.get(key)

    def set_keys(
        self, keys: Sequence[Key], *, to_top: bool = False, by_admin: bool = False
    ) -> None:
        """Set the rows; the cursor stays on its key, and in its place on the screen.

        A key that is gone leaves the cursor in its place, on the row that moved there; `to_top`
        puts it on the first row. Unless the rows were changed `by_admin`, the next key that acts at
        once on another row than before is not carried out, unless the cursor came back meanwhile.
        """
        had = self._cursor
        if keys != self.keys:
            self._change_keys(keys)
        if to_top:
            self._take(0)
        if not self._has_strayed and had is not None and had != self._cursor:
            self._has_strayed, self._strayed_from = True, had
        if by_admin or self._cursor == self._strayed_from:
            self._has_strayed = False

    def _change_keys(self, keys: Sequence[Key]) -> None:
        before, was_empty = self._index, not self.keys
        self.keys = keys
        self.virtual_size = Size(self.size.width, len(keys) + 1)
        self._index = self._place_of_cursor()
        shift = self._index - before
        if shift and self.scroll_offset.y:
            self.scroll_to(y=self.scroll_offset.y + shift, animate=False, immediate=True)
        self._take(self._index)
        self._repaint()
        self._ask_for_rows()
        if was_empty or not keys:
            self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return True if an action makes sense: without a row, none can be opened or marked."""
        if action == "mark" and not self._markable:
            return False
        return action not in FOR_A_ROW or bool(self.keys)

    def put_rows(self, rows: Mapping[Key, Row]) -> None:
        """Fill in the cells of rows; only columns that changed are painted."""
        kept = self._rows
        if len(kept) + len(rows) > KEPT_ROWS:
            kept = {key: kept[key] for key in self._in_sight(MARGIN_ROWS) if key in kept}
        self._change_rows({**kept, **rows}, rows)

    def put_only(self, rows: Mapping[Key, Row]) -> None:
        """Fill in rows and forget all others, which are read again when they come into sight."""
        self._change_rows(dict(rows), rows)

    def _change_rows(self, rows: dict[Key, Row], put: Mapping[Key, Row]) -> None:
        before, self._rows = self._rows, rows
        for y, key in enumerate(self._in_sight(), 1):
            if key in put and before.get(key) != put[key]:
                self._repaint_line(y)

    def near(self) -> Sequence[Key]:
        """Return the keys of the rows in sight and some beyond."""
        return self._in_sight(MARGIN_ROWS)

    def move_to(self, key: Key) -> None:
        """Move the cursor to a row, if there is such a row."""
        if key in self.keys:
            self._move(self.keys.index(key))

    def set_sorted(self, column: str, descending: bool) -> None:
        """Show the column by which the keys are sorted."""
        self.sorted_by = (column, descending)
        self.refresh(Region(0, 0, self.size.width, 1))

    def clear_marks(self) -> None:
        """Remove every mark."""
        self.keep_marks(())

    def keep_marks(self, keys: Iterable[Key]) -> None:
        """Remove the marks of all rows but these."""
        gone = self.marked.difference(keys)
        if gone:
            self.marked -= gone
            self._refresh_rows(gone)
            self.post_message(self.Marked(self))

    @property
    def has_strayed(self) -> bool:
        """True if another row came under the cursor since the admin moved it or pressed a key."""
        return self._has_strayed

    def chosen_keys(self, *, asks_first: bool = False) -> list[Key]:
        """Return the marked rows in their order, or the one under the cursor; none that is hidden.

        They are for a key that acts at once, or with `asks_first` names the rows and asks.
        """
        if self.marked:
            marked = [key for key in self.keys if key in self.marked]
            if not marked:
                self.post_message(self.KeyRefused(self, HIDDEN))
            return marked
        if asks_first:
            self._has_strayed = False  # the question names the row
        return [self._cursor] if self._cursor is not None and self.is_meant() else []

    def is_meant(self) -> bool:
        """Return True if a key acts on the row that the admin saw; post KeyRefused if not."""
        strayed, self._has_strayed = self._has_strayed, False
        if strayed:
            self.post_message(self.KeyRefused(self, STRAYED))
        return not strayed

    def on_mount(self) -> None:
        self._place()

    def on_resize(self) -> None:
        self._place()
        self._take(self._index)
        self._ask_for_rows()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        if round(old_value) != round(new_value):
            self._repaint()
            self._ask_for_rows()

    def action_cursor(self, by: int) -> None:
        """Move the cursor by some rows."""
        self._move(self._index + by)

    def action_page(self, direction: int) -> None:
        """Move the cursor by a screenful."""
        self._move(self._index + direction * max(1, self.size.height - 2))

    def action_edge(self, direction: int) -> None:
        """Move the cursor to the first or the last row; a stay on the first is a move, too."""
        is_there = direction < 0 and self.at_top
        self._move(0 if direction < 0 else len(self.keys) - 1)
        if is_there:
            self.post_message(self.Moved(self, self._cursor))

    def action_choose(self) -> None:
        """Open the row under the cursor."""
        if self._cursor is not None:
            self._has_strayed = False  # what opens shows which row it is
            self.post_message(self.Chosen(self, self._cursor))

    def action_mark(self) -> None:
        """Mark the row under the cursor or remove its mark, and move on."""
        if self._cursor is None or not self.is_meant():
            return
        self.marked ^= {self._cursor}
        self._refresh_rows([self._cursor])
        self.post_message(self.Marked(self))
        self._move(self._index + 1)

    async def on_click(self, event: events.Click) -> None:
        event.stop()
        if event.y == 0:
            self._click_label(event.x)
            return
        if event.x == self.size.width - 1:
            self._move(round((len(self.keys) - 1) * (event.y - 1) / max(1, self.size.height - 2)))
            return
        index = event.y - 1 + self.scroll_offset.y
        if index >= len(self.keys):
            return
        chosen = self._index == index
        self._move(index)
        if chosen:
            self.action_choose()

    def _click_label(self, x: int) -> None:
        left = 1
        for placed in self._placed:
            if left <= x < left + placed.width and placed.column.sortable:
                self.post_message(self.SortRequested(self, placed.column.key))
            left += placed.width + GAP

    def _place(self) -> None:
        self._placed = fit_columns(self.columns, self.size.width - 2)
        self.virtual_size = Size(self.size.width, len(self.keys) + 1)
        self.refresh()

    def _place_of_cursor(self) -> int:
        if self._cursor is not None and self._cursor in self.keys:
            return self.keys.index(self._cursor)
        return max(0, min(self._index, len(self.keys) - 1))

    def _move(self, index: int) -> None:
        """Move the cursor for the admin."""
        self._has_strayed = False
        self._take(index)

    def _take(self, index: int) -> None:
        """Put the cursor on the row at an index and bring it into sight."""
        index = max(0, min(index, len(self.keys) - 1))
        key = self.keys[index] if self.keys else None
        before, self._cursor = self._cursor, key
        old, self._index = self._index, index
        if old != index:
            self._refresh_line(old)
        self._refresh_line(index)
        self._show_line(index)
        if before != key:
            self.post_message(self.Moved(self, key))

    def _show_line(self, index: int) -> None:
        height = self.size.height - 1
        top = self.scroll_offset.y
        if height <= 0:
            return
        if index < top:
            self.scroll_to(y=index, animate=False, immediate=True)
        elif index >= top + height:
            self.scroll_to(y=index - height + 1, animate=False, immediate=True)

    def _ask_for_rows(self) -> None:
        if any(key not in self._rows for key in self._in_sight(MARGIN_ROWS // 2)):
            wanted = [key for key in self._in_sight(MARGIN_ROWS) if key not in self._rows]
            self.post_message(self.RowsWanted(self, wanted))

    def _refresh_rows(self, changed: Iterable[Key]) -> None:
        lines = {key: line for line, key in enumerate(self._in_sight(), 1)}
        for key in changed:
            if key in lines:
                self.refresh(Region(0, lines[key], self.size.width, 1))

    def _repaint(self) -> None:
        """Paint the columns of all lines that are not on the screen already."""
        for y in range(1, self.size.height):
            self._repaint_line(y)

    def _repaint_line(self, y: int) -> None:
        width, before = self.size.width, self._painted.get(y)
        if before is None or before.cell_length != width:
            self.refresh(Region(0, y, width, 1))
        elif y < self.size.height and (regions := changed_regions(before, self._line_at(y), y)):
            self.refresh(*regions)

    def _refresh_line(self, index: int) -> None:
        line = index - self.scroll_offset.y + 1
        if 0 < line < self.size.height:
            self.refresh(Region(0, line, self.size.width, 1))
