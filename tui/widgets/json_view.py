"""View of a JSON text: coloured, folding, with a search, and harmless whatever stands in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from domain.event_summary import created_of
from domain.safe import safe
from tui.key_names import ENTER
from tui.widgets.filter_line import FilterLine
from tui.widgets.json_tree import INDENT, JsonTree, Node, event_of

OPEN, FOLDED, LEAF = "▾ ", "▸ ", "  "


class JsonView(ScrollView, can_focus=True):
    """View of a JSON text; other bytes are shown as text."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "json-view--cursor",
        "json-view--name",
        "json-view--string",
        "json-view--number",
        "json-view--word",
        "json-view--dim",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False, id="json.up"),
        Binding("down,j", "move(1)", "down", show=False, id="json.down"),
        Binding("pageup", "page(-1)", "page up", show=False, id="json.page-up"),
        Binding("pagedown", "page(1)", "page down", show=False, id="json.page-down"),
        Binding("home,g", "edge(-1)", "first", show=False, id="json.first"),
        Binding("end,G", "edge(1)", "last", show=False, id="json.last"),
        Binding(
            "enter,space",
            "turn",
            "fold",
            id="json.fold",
            tooltip="open or fold the line under the cursor; a long text opens too",
        ),
        Binding("right,l", "open", "open", show=False, id="json.open"),
        Binding("left,h", "fold", "fold, or go to what holds this", show=False, id="json.close"),
        Binding("plus", "open_all", "open all", show=False, key_display="+", id="json.open-all"),
        Binding("minus", "fold_all", "fold all", show=False, key_display="-", id="json.fold-all"),
        Binding("slash", "search", "search", key_display="/", id="json.search"),
    ]

    class SearchRequested(Message):
        """The key for a search was pressed."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._data = b""
        self._tree = JsonTree(b"")
        self._index = 0

    def action_search(self) -> None:
        """Request the box for a search."""
        self.post_message(self.SearchRequested())

    def find(self, text: str, *, further: bool = False) -> bool:
        """Go to this or the next line with a text, `further` to the next; return True if found."""
        found = self._tree.find(text, self._index + further)
        if found is None:
            return False
        self._index = found
        self._changed()
        return True

    def count(self, text: str) -> tuple[int, int]:
        """Return the position of the cursor among the lines with a text, and their number."""
        return self._tree.count(text, self._index)

    def show_json(self, data: bytes) -> None:
        """Show another text; a list of several events is shown folded, all else open."""
        if data == self._data:
            return
        self._data = data
        self._tree = JsonTree(data, self._room)
        self._index = 0
        self.scroll_to(y=0, animate=False, immediate=True)
        self._changed()

    @property
    def line(self) -> Node:
        """The line under the cursor."""
        return self._tree.lines[self._index]

    @property
    def item(self) -> int | None:
        """The item of the outermost list with the cursor, from 0 on; None if it is in none."""
        return self._tree.item_at(self._index)

    def on_resize(self) -> None:
        node = self.line
        self._tree.set_width(self._room)
        if node in self._tree.lines:
            self._index = self._tree.lines.index(node)
        self._changed()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        index = y + self.scroll_offset.y
        if index >= len(self._tree.lines):
            return Strip.blank(width, self.rich_style)
        under_cursor = index == self._index
        base = (
            self.get_component_rich_style("json-view--cursor") if under_cursor else self.rich_style
        )
        segments = [
            Segment(text, base if under_cursor else self._style(part))
            for text, part in _parts(self._tree.lines[index], self._tree)
        ]
        return Strip(list(_cut(segments, width))).adjust_cell_length(width, base)

    def action_move(self, by: int) -> None:
        """Move the cursor by some lines."""
        self._take(self._index + by)

    def action_page(self, direction: int) -> None:
        """Move the cursor by a screenful."""
        self._take(self._index + direction * max(1, self.size.height - 1))

    def action_edge(self, direction: int) -> None:
        """Move the cursor to the first or the last line."""
        self._take(0 if direction < 0 else len(self._tree.lines) - 1)

    def action_turn(self) -> None:
        """Open or fold the line under the cursor."""
        self._tree.toggle(self._index)
        self._changed()

    def action_open(self) -> None:
        """Open the line under the cursor, or go to the next if it is open."""
        if self.line.is_open or not self._tree.can_open(self.line):
            self._take(self._index + 1)
            return
        self.action_turn()

    def action_fold(self) -> None:
        """Fold the line under the cursor, or go to the line that holds it."""
        if self.line.is_open:
            self.action_turn()
        else:
            self._take(self._tree.parent_of(self._index))

    def action_open_all(self) -> None:
        """Open everything; the cursor stays on its line."""
        node = self.line
        self._tree.open_all()
        self._index = self._tree.lines.index(node)
        self._changed()

    def action_fold_all(self) -> None:
        """Fold everything but the first level."""
        self._tree.fold_all()
        self._index = 0
        self._changed()

    async def on_click(self, event: events.Click) -> None:
        event.stop()
        index = event.y + self.scroll_offset.y
        if index < len(self._tree.lines):
            self._take(index)
            self.action_turn()

    @property
    def _room(self) -> int:
        return self.size.width or 80

    def _changed(self) -> None:
        self.virtual_size = Size(self.size.width, len(self._tree.lines))
        self._take(self._index)
        self.refresh()

    def _take(self, index: int) -> None:
        before, self._index = self._index, max(0, min(index, len(self._tree.lines) - 1))
        top, height = self.scroll_offset.y, self.size.height
        if height and not top <= self._index < top + height:
            y = self._index if self._index < top else self._index - height + 1
            self.scroll_to(y=y, animate=False, immediate=True)
        for line in (before, self._index):
            self.refresh_line(line)

    def _style(self, part: str) -> Style:
        if part == "plain":
            return self.rich_style
        return self.get_component_rich_style(f"json-view--{part}")


def _parts(node: Node, tree: JsonTree) -> Iterator[tuple[str, str]]:
    """Yield the pieces of a line, each with the name of its style."""
    glyph = (OPEN if node.is_open else FOLDED) if tree.can_open(node) else LEAF
    yield " " * (node.depth * INDENT), "plain"
    yield glyph, "dim"
    yield node.label, "name"
    if node.kind in ("object", "list"):
        yield from _holder(node, tree)
    else:
        yield node.text, node.kind if node.kind != "text" else "plain"


def _holder(node: Node, tree: JsonTree) -> Iterator[tuple[str, str]]:
    """Yield an event by its type and id, another object or list by its start.

    Of several events with one id each shows its `created`, too.
    """
    event = event_of(node)
    brackets = "{}" if node.kind == "object" else "[]"
    if event is not None:
        yield f"{brackets} ", "dim"
        yield f"{event[0]} {event[1]}", "name"
        if event[1] in tree.shared_ids:
            yield f" created {safe(created_of(node.raw), 60)}", "dim"
    elif node.is_open:
        yield brackets, "dim"
    else:
        yield node.text, "dim"


def _cut(segments: list[Segment], width: int) -> Iterator[Segment]:
    """Yield the segments in so many columns of the terminal, with … where they were cut."""
    if sum(cell_len(segment.text) for segment in segments) <= width:
        yield from segments
        return
    room = width - 1
    for segment in segments:
        length = cell_len(segment.text)
        if length > room:
            yield Segment(set_cell_size(segment.text, room) + "…", segment.style)
            return
        room -= length
        yield segment


HINTS = ("text", f"{ENTER} to the next line with it")


class SearchLine(FilterLine):
    """Line of a search, of which Escape leaves the line alone."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "stay there", id="json.search-leave"),
    ]

    class Left(Message):
        """The search is over."""

    def action_leave(self) -> None:
        """Go back to the line that was found."""
        self.close()
        self.post_message(self.Left())


class JsonBox(Vertical):
    """View of a JSON text with its search: `/` opens it, typing finds, Enter goes on."""

    def __init__(self, view: JsonView) -> None:
        super().__init__(classes="json-box")
        self.view = view

    def compose(self) -> Iterable[Widget]:
        yield self.view
        yield SearchLine(HINTS, id="json-search")

    @property
    def _line(self) -> SearchLine:
        return self.query_one(SearchLine)

    @on(JsonView.SearchRequested)
    def open(self) -> None:
        """Open the search."""
        self._line.open()

    @on(SearchLine.Left)
    def _left(self) -> None:
        self.view.focus()

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        message.stop()
        self._find(message.value)

    @on(Input.Submitted)
    def _entered(self, message: Input.Submitted) -> None:
        message.stop()
        self._find(message.value, further=True)

    def _find(self, text: str, *, further: bool = False) -> None:
        if not text:
            self._line.show_text("")
        elif self.view.find(text, further=further):
            place, total = self.view.count(text)
            more = f" · {ENTER} goes on to the next" if total > 1 else ""
            self._line.show_text(f"{place:,} of {total:,}{more}")
        else:
            self._line.refuse(f"no line holds {text}")
