"""Deliveries, of one webhook or all: what is sent this second, what waits and why, what is over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Static

from domain.filters import OF_DELIVERIES
from tui.delivery_list import DeliveryList
from tui.delivery_rows import columns
from tui.keys import key_of
from tui.screens.delivery import DeliveryScreen
from tui.screens.quarantine import QuarantineScreen
from tui.webhook_rows import receiver_of
from tui.widgets.facts import Facts
from tui.widgets.filter_line import BETWEEN, FilterLine
from tui.widgets.live_table import LiveTable

HINTS = ("text", "!text", *OF_DELIVERIES)


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
            tooltip=BETWEEN.join(HINTS),
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
            yield LiveTable(
                columns(of_one=self.webhook_id is not None), id="deliveries", markable=True
            )
            yield Static(Text(""), id="no-deliveries", classes="empty")
            yield FilterLine(HINTS, id="deliveries-filter")
        yield Facts(id="delivery-facts")

    def on_mount(self) -> None:
        self.query_one("#no-deliveries").display = False

    def crumbs(self) -> str:
        if self.webhook_id is None:
            return "Deliveries"
        statuses = self.statuses()
        name = receiver_of(statuses[0].webhook) if statuses else str(self.webhook_id)
        return f"{name} › Deliveries"

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
            follow, first = key_of(self, "deliveries.follow"), key_of(self, "table.first")
            keys = " or ".join(filter(None, (follow, first))) or "you go back to the first"
            self.tell(f"new deliveries are held back until {keys}")
        else:
            self.follow(asked=True)

    def action_quarantine(self) -> None:
        """Show what reseals left out."""
        self.app.push_screen(QuarantineScreen(self.desk, self.webhook_id, self.names()))
