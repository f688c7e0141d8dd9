"""Deliveries, of one webhook or all: what is sent this second, what waits and why, what is over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input, Static

from tui.delivery_filter import HINT, FilterReader
from tui.delivery_list import DeliveryList
from tui.delivery_rows import columns, lines
from tui.screens.delivery import DeliveryScreen
from tui.screens.quarantine import QuarantineScreen
from tui.webhook_rows import receiver_of
from tui.widgets.facts import Facts
from tui.widgets.live_table import LiveTable
from tui.widgets.search_box import SearchBox


class DeliveriesScreen(DeliveryList):
    """The list, the reasons of the selected row below it, and every action on deliveries."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "open",
            "open",
            id="deliveries.open",
            tooltip="its attempts, the answers, the exact request",
        ),
        Binding(
            "slash",
            "filter",
            "filter",
            key_display="/",
            id="deliveries.filter",
            tooltip=HINT,
        ),
        Binding(
            "f",
            "follow",
            "follow",
            id="deliveries.follow",
            tooltip="go to the newest and stay there, or stop that",
        ),
        Binding(
            "R",
            "quarantine",
            "quarantine",
            show=False,
            id="deliveries.quarantine",
            tooltip="events that reseals left out, and sending them after all",
        ),
    ]

    def body(self) -> Iterable[Widget]:
        with Vertical(classes="panel", id="deliveries-panel"):
            yield Facts(id="deliveries-count", classes="line")
            yield LiveTable(columns(of_one=self.webhook_id is not None), id="deliveries")
            yield Static(Text(""), id="no-deliveries", classes="empty")
            yield SearchBox(HINT, id="deliveries-filter")
            yield Facts(id="deliveries-hint", classes="line")
        yield Facts(id="delivery-facts")

    def on_mount(self) -> None:
        self.query_one("#deliveries-hint").display = False
        self.query_one("#no-deliveries").display = False
        self.table.focus()
        self.show()

    def crumbs(self) -> str:
        if self.webhook_id is None:
            return "Deliveries"
        statuses = self.statuses()
        name = receiver_of(statuses[0].webhook) if statuses else str(self.webhook_id)
        return f"Webhooks › {name} › Deliveries"

    @on(LiveTable.Chosen)
    def _chosen_row(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        """Open the delivery under the cursor."""
        one = self.selected()
        if one is not None:
            self.app.push_screen(DeliveryScreen(self.desk, self.live, one.id))

    def action_follow(self) -> None:
        """Go to the newest and stay there; if one is there already, stop that."""
        if self.follows:
            self.hold()
            self.tell("new deliveries are held back until f or home")
        else:
            self.follow()

    def action_quarantine(self) -> None:
        """Show what reseals left out."""
        self.app.push_screen(QuarantineScreen(self.desk, self.webhook_id))

    def action_filter(self) -> None:
        """Open the filter's box."""
        box = self.query_one("#deliveries-filter", Input)
        box.display = True
        box.focus()

    def action_back(self) -> None:
        """Take the filter away first, then leave."""
        box = self.query_one("#deliveries-filter", Input)
        if not box.display:
            super().action_back()
            return
        box.value = ""
        box.display = self.query_one("#deliveries-hint").display = False
        self.table.focus()

    @on(Input.Changed, "#deliveries-filter")
    def _filter_changed(self, message: Input.Changed) -> None:
        """Search for what is typed; what cannot be read yet leaves the list as it is."""
        webhooks = [one.webhook for one in self.statuses()]
        hint = self.query_one("#deliveries-hint", Facts)
        try:
            reader = FilterReader(webhooks, self.desk.now_ms())
            search = reader.read(message.value, self.webhook_id)
        except ValueError as error:
            hint.tell(lines(str(error)))
            hint.display = True
        else:
            hint.display = False
            self.search_for(search, message.value.strip())

    @on(Input.Submitted, "#deliveries-filter")
    def _filter_entered(self) -> None:
        self.table.focus()
