"""One event: its JSON, and which deliveries carried it, to whom and when."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from domain.event_types import EventType
from domain.words import size_text, time_text
from store import events, reads
from store.records import Delivery, StoredEvent
from tui.clipboard import copy
from tui.desk import Desk, Refused
from tui.event_rows import CARRIER_COLUMNS, carrier_row
from tui.live import Live
from tui.screens.base import TocsinScreen
from tui.screens.delivery import DeliveryScreen
from tui.webhook_rows import receiver_of
from tui.widgets.facts import Facts
from tui.widgets.json_box import JsonBox
from tui.widgets.json_view import JsonView
from tui.widgets.live_table import LiveTable

FEW = 2
"""Deliveries that the low panel has room for."""


class EventScreen(TocsinScreen):
    """The event's JSON has the focus; tab goes to the deliveries."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", "other pane", id="event.pane"),
        Binding("y", "copy_id", "copy id", id="event.copy-id"),
        Binding("Y", "copy_json", "copy JSON", id="event.copy-json"),
    ]

    def __init__(self, desk: Desk, live: Live, type_: EventType, event_id: str) -> None:
        super().__init__(desk, live)
        self._type = type_
        self._event_id = event_id
        self._event: StoredEvent | None = None
        self._seen: object = None

    def crumbs(self) -> str:
        return f"{self._type.title} › {self._event_id}"

    def body(self) -> Iterable[Widget]:
        with Vertical(classes="panel", id="event-panel"):
            yield JsonBox(JsonView(id="event-json"))
        with Vertical(classes="panel", id="carriers-panel"):
            yield LiveTable(CARRIER_COLUMNS, id="carriers")
            yield Facts(id="no-carriers")

    def on_mount(self) -> None:
        self.query_one("#carriers-panel").border_title = "Carried by"
        self.query_one(JsonView).focus()
        self.show()

    def show(self) -> None:
        """Read the deliveries anew if one of this type's webhooks has got further."""
        report = self.live.report
        every = report.overview.webhooks if report is not None else []
        seen = [(one.pending, one.delivered_events, one.skipped_events) for one in every]
        if seen != self._seen:
            self._seen = seen
            self._read()

    def tick(self) -> None:
        """Nothing here changes with the clock alone."""

    @work(exclusive=True, group="read", exit_on_error=False)
    async def _read(self) -> None:
        try:
            if self._event is None:
                self._event = await self.desk.read(events.find, self._type, self._event_id)
                self._show_event(self._event)
            self._show_carriers(await self.desk.read(reads.carriers, self._type, self._event.seq))
        except Refused as refused:
            self.tell(str(refused), bad=True)

    def _show_event(self, event: StoredEvent) -> None:
        title = f"accepted {time_text(event.received_ms)} ── {size_text(len(event.body))}"
        self.query_one("#event-panel").border_title = Content(title)
        self.query_one(JsonView).show_json(event.body)

    def _show_carriers(self, carriers: list[Delivery]) -> None:
        table = self.query_one(LiveTable)
        names = self._names()
        table.put_rows({one.id: carrier_row(one, names) for one in carriers})
        table.set_keys([one.id for one in reversed(carriers)])
        self.query_one("#carriers-panel").set_class(len(carriers) > FEW, "many")
        table.display = bool(carriers)
        self.query_one("#no-carriers").display = not carriers
        self.query_one("#no-carriers", Facts).tell(Text(self._why_none()))

    def _names(self) -> dict[int, str]:
        report = self.live.report
        every = report.overview.webhooks if report is not None else []
        return {one.webhook.id: receiver_of(one.webhook) for one in every}

    def _why_none(self) -> str:
        report = self.live.report
        every = report.overview.webhooks if report is not None else []
        if any(one.webhook.fields.type is self._type for one in every):
            return "No delivery has carried it so far."
        return f"No delivery has carried it: no webhook takes {self._type.title}."

    @on(LiveTable.Chosen)
    def _chosen(self, message: LiveTable.Chosen) -> None:
        self.app.push_screen(DeliveryScreen(self.desk, self.live, str(message.key)))

    async def action_copy_id(self) -> None:
        """Copy the event's id."""
        await copy(self, self._event_id)

    async def action_copy_json(self) -> None:
        """Copy the event as it is stored."""
        if self._event is not None:
            await copy(self, self._event.body.decode())
