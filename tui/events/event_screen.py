"""Screen of one event: its JSON, the deliveries that carried it, and the webhooks that wait."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from domain.event_types import EventType
from domain.wording import size_text, time_text
from store.events import reading
from store.queue import deliveries
from store.records import Delivery, StoredEvent
from tui.deliveries.delivery_screen import DeliveryScreen
from tui.deliveries.screen import DeliveriesScreen
from tui.events.rows import CARRIER_COLUMNS, carrier_row, holder_row
from tui.screens.base import TocsinScreen
from tui.shell.clipboard import copy
from tui.state.live_report import LiveReport
from tui.state.store_access import Refused, StoreAccess
from tui.webhooks.rows import receivers_of
from tui.widgets.json_view import JsonBox, JsonView
from tui.widgets.lines import StaticText
from tui.widgets.live_table import Key, LiveTable

FEW = 2
"""The number of deliveries that the low panel has room for."""


class EventScreen(TocsinScreen):
    """One event: its JSON, which has the focus, and the deliveries below it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", "other pane", id="event.pane"),
        Binding("y", "copy_id", "copy id", id="event.copy-id"),
        Binding("Y", "copy_json", "copy JSON", id="event.copy-json"),
    ]

    def __init__(
        self, access: StoreAccess, live: LiveReport, type_: EventType, seq: int, event_id: str
    ) -> None:
        super().__init__(access, live)
        self._type = type_
        self._seq = seq
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
            yield StaticText(id="no-carriers")

    def on_mount(self) -> None:
        self.query_one("#carriers-panel").border_title = "Carried by"
        self.query_one(JsonView).focus()
        self.show()

    def show(self) -> None:
        """Read the deliveries anew if the counts of a webhook have changed."""
        seen = [
            (
                status.pending,
                status.delivered_events,
                status.skipped_events,
                status.quarantined_events,
                status.released_events,
            )
            for status in self.live.webhooks
        ]
        if seen != self._seen:
            self._seen = seen
            self._read()

    def tick(self) -> None:
        """Do nothing: nothing here changes with the clock alone."""

    @work(exclusive=True, group="read", exit_on_error=False)
    async def _read(self) -> None:
        try:
            if self._event is None:
                self._event = await self.access.read(reading.find, self._type, self._seq)
                self._show_event(self._event)
            which = self._type, self._seq
            carriers = await self.access.read(deliveries.carriers, *which)
            self._show_carriers(carriers, await self.access.read(deliveries.holders, *which))
        except Refused as refused:
            self.show_notice(str(refused), bad=True)

    def _show_event(self, event: StoredEvent) -> None:
        title = f"accepted {time_text(event.received_ms)} ── {size_text(len(event.body))}"
        self.query_one("#event-panel").border_title = Content(title)
        self.query_one(JsonView).show_json(event.body)

    def _show_carriers(
        self, carriers: list[Delivery], holders: Mapping[int, deliveries.Held]
    ) -> None:
        """Show deliveries, by their ids, and webhooks that still wait, by their numbers."""
        table = self.query_one(LiveTable)
        names = receivers_of(self.live.webhooks)
        table.put_rows({carrier.id: carrier_row(carrier, names) for carrier in carriers})
        table.put_rows({id_: holder_row(id_, where, names) for id_, where in holders.items()})
        keys: list[Key] = [*holders, *(carrier.id for carrier in reversed(carriers))]
        table.set_keys(keys)
        self.query_one("#carriers-panel").set_class(len(keys) > FEW, "many")
        table.display = bool(keys)
        self.query_one("#no-carriers").display = not keys
        self.query_one("#no-carriers", StaticText).show_text(Text(self._no_carriers_text()))

    def _no_carriers_text(self) -> str:
        if any(status.webhook.fields.type is self._type for status in self.live.webhooks):
            return "No delivery has carried it so far."
        return f"No delivery has carried it: no webhook takes {self._type.title}."

    @on(LiveTable.Chosen)
    def _chosen(self, message: LiveTable.Chosen) -> None:
        key = message.key
        if isinstance(key, int):
            self.app.push_screen(DeliveriesScreen(self.access, self.live, webhook_id=key))
        else:
            self.app.push_screen(DeliveryScreen(self.access, self.live, str(key)))

    async def action_copy_id(self) -> None:
        """Copy the event's id."""
        await copy(self, self._event_id)

    async def action_copy_json(self) -> None:
        """Copy the event as it is stored."""
        if self._event is not None:
            await copy(self, self._event.body.decode())
