"""Screen of the events of one type, newest first; it follows what comes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from domain.event_types import EventType
from domain.filters import Terms, phrase_terms
from store.events import reading
from tui.events.event_screen import EventScreen
from tui.events.feed import EventFeed
from tui.events.rows import COLUMNS, TYPES, key_of, row_of, seq_of
from tui.screens.lists import ListScreen
from tui.shell.clipboard import copy
from tui.state.store_access import Refused
from tui.widgets.filter_line import FilterLine
from tui.widgets.lines import StaticText
from tui.widgets.live_table import Key, LiveTable
from tui.widgets.type_tabs import TypeTabs
from tui.wording import shared_ids

REST_S = 1.0
PAGE = 100
"""Rows that are read before the first are shown."""


class EventsScreen(ListScreen):
    """List of events; it follows the newest until the cursor is moved from the top row."""

    CRUMBS = "Events"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "left,h",
            "type(-1)",
            "type",
            key_display="←→",
            id="events.type-left",
            tooltip="the type to the left",
        ),
        Binding(
            "right,l",
            "type(1)",
            "type to the right",
            show=False,
            id="events.type-right",
            tooltip="the type to the right",
        ),
        Binding(
            "f",
            "follow",
            "follow",
            id="events.follow",
            tooltip="go to the newest event and stay there, or stop here; home does it too",
        ),
        Binding(
            "slash",
            "filter",
            "search",
            key_display="/",
            id="events.search",
            tooltip="events with this id or text, newest first; with ! before it those without",
        ),
        Binding("enter", "open", "open", id="events.open", tooltip="the event and who got it"),
        Binding("y", "copy_id", "copy id", id="events.copy-id"),
        Binding("Y", "copy_json", "copy JSON", id="events.copy-json"),
    ]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._feed = EventFeed(EventType.ALERTS)
        self._shown_title = ""
        self._resting = False

    def body(self) -> Iterable[Widget]:
        yield TypeTabs(self._feed.type, id="event-types")
        with Vertical(classes="panel", id="events-panel"):
            yield LiveTable(COLUMNS, id="events")
            yield StaticText(id="no-events", classes="empty")
            yield FilterLine(("id or text", "!text for those without"), id="events-filter")

    def on_mount(self) -> None:
        self.query_one("#no-events").display = False

    async def read_store(self) -> None:
        feed = self._feed
        await feed.read(self.access)
        if not self.takes_keys:
            feed.catch_up()
            await self.read_rows(feed.keys[:PAGE])
        self._paint()

    def _paint(self) -> None:
        """Show the rows and titles, as far as the list follows."""
        feed, table = self._feed, self.table
        feed.following = feed.following and table.at_top
        if not self._resting:
            feed.catch_up()
        if feed.keys != table.keys:
            self._rest()
            table.set_keys(feed.keys, to_top=feed.following)
        self.query_one(TypeTabs).show_counts(feed.type, feed.counts, feed.note)
        if feed.title != self._shown_title:
            self._shown_title = feed.title
            self.query_one("#events-panel").border_title = Content(feed.title)
        self.show_table(not feed.emptiness)
        empty = self.query_one("#no-events", StaticText)
        empty.display = bool(feed.emptiness)
        empty.show_text(Text(feed.emptiness))

    def _rest(self) -> None:
        """Let a stream of events move the rows, all of which that paints, once in each REST_S."""
        if self.table.keys and not self._resting:
            self._resting = True
            self.set_timer(REST_S, self._rest_over)

    def _rest_over(self) -> None:
        self._resting = False
        self.show()

    async def read_rows(self, keys: Sequence[Key]) -> None:
        type_ = self._feed.type
        seqs = [seq_of(key) for key in keys if isinstance(key, int)]
        some = await self.access.read(reading.load, type_, seqs)
        shared = shared_ids(some)
        self.table.put_rows(
            {key_of(type_, event.seq): row_of(event, dated=event.id in shared) for event in some}
        )

    @on(LiveTable.Moved)
    def _moved(self) -> None:
        if self._feed.following is not self.table.at_top:
            self._feed.following = self.table.at_top
            self._feed.catch_up()
            self._paint()

    @on(TypeTabs.Picked)
    def _picked(self, message: TypeTabs.Picked) -> None:
        self._start(message.type, self._feed.text)

    def action_type(self, by: int) -> None:
        """Show another type."""
        self._start(TYPES[(TYPES.index(self._feed.type) + by) % len(TYPES)], self._feed.text)

    def action_follow(self) -> None:
        """Go to the newest event and stay there, or stop."""
        following = not self._feed.following
        for newest in self.table.keys[:1]:
            self.table.move_to(newest)
        self._feed.following = following
        self._feed.catch_up()
        self._paint()

    async def read_filter(self, text: str) -> Terms:
        return phrase_terms(text)

    def filter_by(self, wanted: Terms, text: str) -> None:
        self._start(self._feed.type, text)

    def _start(self, type_: EventType, text: str) -> None:
        self._feed.start(type_, text)
        self.table.set_keys((), by_admin=True)
        self._paint()
        self._search_on()

    @work(exclusive=True, group="search", exit_on_error=False)
    async def _search_on(self) -> None:
        try:
            while await self._feed.search_on(self.access):
                self._paint()
        except Refused as refused:
            self.show_notice(str(refused), bad=True)

    @on(LiveTable.Chosen)
    def action_open(self) -> None:
        """Open the event under the cursor; the list stops meanwhile."""
        seq, event_id = self._seq, self._event_id
        if seq is not None and event_id is not None:
            self._feed.following = False
            self.app.push_screen(
                EventScreen(self.access, self.live, self._feed.type, seq, event_id)
            )

    @property
    def _seq(self) -> int | None:
        key = self.table.cursor
        return seq_of(key) if isinstance(key, int) else None

    @property
    def _event_id(self) -> str | None:
        row = None if self.table.cursor is None else self.table.row_of(self.table.cursor)
        return None if row is None else row[1].text

    async def action_copy_id(self) -> None:
        """Copy the id of the event under the cursor."""
        if self._event_id is not None:
            await copy(self, self._event_id)

    async def action_copy_json(self) -> None:
        """Copy the event under the cursor as it is stored."""
        if self._seq is not None:
            event = await self.carry_out(self.access.read(reading.find, self._feed.type, self._seq))
            if event is not None:
                await copy(self, event.body.decode())
