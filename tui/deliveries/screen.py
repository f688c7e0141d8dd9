"""Deliveries of one webhook or all: those under way, those that wait and why, those that ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Static

from domain.filters import OF_DELIVERIES, FilterReader, Terms
from domain.safe import safe
from store.queue import delivery_list
from store.queue.delivery_list import ListedDelivery, Search, SearchResult
from store.records import Delivery, WebhookStatus
from tui.deliveries.actions import DELIVERY_KEYS, DeliveryActions
from tui.deliveries.delivery_screen import DeliveryScreen
from tui.deliveries.quarantine import QuarantineScreen
from tui.deliveries.row_ids import DeliveryRowIds, RateLimit
from tui.deliveries.rows import DeliveryFormatter, columns, lines, queue_line
from tui.key_names import and_key, key_of
from tui.screens.lists import ListScreen
from tui.state.live_report import LiveReport
from tui.state.store_access import StoreAccess
from tui.webhooks.rows import receiver_of, receivers_of
from tui.widgets.filter_line import BETWEEN, FilterLine
from tui.widgets.lines import StaticText
from tui.widgets.live_table import Key, LiveTable

PAGE = 200
"""Rows that are read at once."""

KEPT_ROWS = 4_000
MOVE_MS = 5_000
MOVES_AT_ONCE = 4
"""A move of the list paints all of it (8 KB): some at once, then one in each MOVE_MS."""

HINTS = ("text", "!text", *OF_DELIVERIES)
FILTER_SHOWN = 40
EMPTY = """Nothing was sealed for delivery yet.

Queued events are sealed and sent when the next run of their webhook is due."""
NONE_FOUND = "Nothing matches.\n\nWithout the filter all deliveries are shown again."


class DeliveriesScreen(ListScreen):
    """List of deliveries, kept up to date, with the reasons of the selected row below it.

    Those that wait stand first. New rows come, and the cursor goes to the first of them, until the
    admin puts it on another row; then they are held back.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *DELIVERY_KEYS,
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

    def __init__(
        self, access: StoreAccess, live: LiveReport, *, webhook_id: int | None = None
    ) -> None:
        super().__init__(access, live)
        self.webhook_id = webhook_id
        self._search = Search(webhook_id)
        self._filter = self._title_shown = self._marks = ""
        self._keys = DeliveryRowIds()
        self._rows: dict[int, ListedDelivery] = {}
        self.follows = True
        self._by_admin = False
        self._moves = RateLimit(MOVE_MS, MOVES_AT_ONCE)
        # Textual looks up the action of a key by its name on the screen.
        self._actions = actions = DeliveryActions(
            self, self.chosen, done=lambda: self.table.clear_marks()
        )
        self.action_retry = actions.retry
        self.action_skip = actions.skip
        self.action_reseal = actions.reseal
        self.action_copy = actions.copy

    def body(self) -> Iterable[Widget]:
        with Vertical(classes="panel", id="deliveries-panel"):
            yield StaticText(id="deliveries-count", classes="line")
            yield LiveTable(
                columns(of_one=self.webhook_id is not None), id="deliveries", markable=True
            )
            yield Static(Text(""), id="no-deliveries", classes="empty")
            yield FilterLine(HINTS, id="deliveries-filter")
        yield StaticText(id="delivery-facts")

    def on_mount(self) -> None:
        self.query_one("#no-deliveries").display = False

    def crumbs(self) -> str:
        if self.webhook_id is None:
            return "Deliveries"
        statuses = self.statuses()
        name = receiver_of(statuses[0].webhook) if statuses else str(self.webhook_id)
        return f"{name} › Deliveries"

    def show(self) -> None:
        self.tick()
        self.read_soon()

    def tick(self) -> None:
        if self.follows and self._keys.held and self._moves.take(self.access.now_ms()):
            self.follow()
        self._put([key for key in self._in_sight() if self._is_moving(key)])
        self._show_frame()
        self._show_facts()

    async def read_filter(self, text: str) -> Terms:
        return FilterReader(self.names(), self.access.now_ms(), OF_DELIVERIES).read(text)

    def filter_by(self, wanted: Terms, text: str) -> None:
        self._filter = text
        self._search = Search(self.webhook_id, wanted)
        self._by_admin = True
        self._start_over()

    def follow(self, *, by_admin: bool = False) -> None:
        """Show rows that were held back and those that come; `by_admin` if the admin chose that."""
        self.follows = True
        self._keys.release()
        self._show_keys(to_top=True, by_admin=by_admin)
        self._show_frame()

    def statuses(self) -> list[WebhookStatus]:
        """Return the webhook that these deliveries are of, or all webhooks."""
        every = self.live.webhooks
        return [status for status in every if self.webhook_id in (None, status.webhook.id)]

    def names(self) -> dict[int, str]:
        """Return the names of these webhooks by their ids."""
        return receivers_of(self.statuses())

    def selected(self) -> Delivery | None:
        """Return the delivery under the cursor."""
        key = self.table.cursor
        listed = self._rows.get(key) if isinstance(key, int) else None
        return listed.delivery if listed is not None else None

    async def chosen(self, asks: bool = True) -> list[Delivery]:
        """Read the chosen deliveries anew, since of many rows not all are kept here."""
        keys = [key for key in self.table.chosen_keys(asks_first=asks) if isinstance(key, int)]
        found: dict[int, ListedDelivery] = {}
        for page in _pages(keys):
            found |= await self.access.read(delivery_list.listed, page)
        return [found[key].delivery for key in keys if key in found]

    def _start_over(self) -> None:
        self._keys = DeliveryRowIds()
        self.show()

    async def read_store(self) -> None:
        """Read rows before their keys are shown, so that none is blank for a moment."""
        keys = self._keys
        before = keys.open_ids
        page = await self.access.read(delivery_list.run_search, self._search, keys.last_id, before)
        if keys.is_overtaken(page):
            self._start_over()
            return
        await self.read_rows(self._to_read(page, before))
        if keys is self._keys:
            self._take_in(page)
        await self._actions.show_results()

    def _to_read(self, page: SearchResult, before: frozenset[int]) -> list[int]:
        """Return the newest that were found, and all known rows that were or are pending."""
        newest = page.found[: -PAGE // 2 : -1]
        known = [key for key in before | page.open_ids if key in self._rows]
        return list(dict.fromkeys([*newest, *known]))

    async def read_rows(self, keys: Sequence[Key]) -> None:
        ids = [key for key in keys if isinstance(key, int)]
        for page in _pages(ids):
            found = await self.access.read(delivery_list.listed, page)
            self._rows.update(found)
            self._put(list(found))
            if len(found) < len(page) and self._keys.last_id:
                self._start_over()  # some were pruned
        if self.table.cursor in ids and self.table.cursor in self._rows:
            self._show_facts()

    def _take_in(self, page: SearchResult) -> None:
        if not self._keys.last_id:
            self._keys.start(page)
            self._show_keys(to_top=self.follows, by_admin=self._by_admin)
            self._by_admin = False
        elif self._keys.update(page, hold=True):
            self._show_keys()
        self.tick()

    def _show_keys(self, *, to_top: bool = False, by_admin: bool = False) -> None:
        self.table.set_keys(self._keys.keys(), to_top=to_top, by_admin=by_admin)
        self._count_marks()
        some = len(self.table.keys) > 0
        self.show_table(some)
        empty = self.query_one("#no-deliveries", Static)
        empty.display = not some
        empty.update(Text(NONE_FOUND if self._search.terms else EMPTY))

    def _put(self, keys: Sequence[Key]) -> None:
        report = self.live.report
        known = [key for key in keys if isinstance(key, int) and key in self._rows]
        if report is None or not known:
            return
        reader = DeliveryFormatter(report, of_one=self.webhook_id is not None)
        self.table.put_rows({key: reader.row(self._rows[key]) for key in known})
        if len(self._rows) > KEPT_ROWS:
            kept = {*self._in_sight(), *self._keys.open_ids}
            self._rows = {key: row for key, row in self._rows.items() if key in kept}

    def _in_sight(self) -> Sequence[Key]:
        top = self.table.scroll_offset.y
        return self.table.keys[top : top + self.table.size.height]

    def _is_moving(self, key: Key) -> bool:
        listed = self._rows.get(key) if isinstance(key, int) else None
        return listed is not None and listed.delivery.state == "pending"

    def _show_frame(self) -> None:
        """Show title and counts; these move often, and the border would paint all within it."""
        title = "Deliveries"
        if self._filter:
            title += f" ── {safe(self._filter, FILTER_SHOWN)}"
        if title != self._title_shown:
            self._title_shown = title
            self.query_one("#deliveries-panel").border_title = Text(title)
        report = self.live.report
        if report is not None and self._keys.last_id:
            queue = queue_line(
                self.statuses(),
                report,
                of_one=self.webhook_id is not None,
                quarantine_key=key_of(self, "deliveries.quarantine"),
            )
            self.query_one("#deliveries-count", StaticText).show_text(
                lines(f"{self._count()} · {queue}")
            )

    def _count(self) -> str:
        keys = self._keys
        found = f"{keys.count:,} of {keys.total:,}" if self._search.terms else f"{keys.total:,}"
        noun = "delivery" if keys.total == 1 else "deliveries"
        held = ""
        if keys.held and not self.follows:
            follow = key_of(self, "deliveries.follow")
            held = and_key(f" · ▲ {keys.held:,} new", follow, "shows them", ": ")
        return f"{found} {noun}{self._marks}{held}"

    @on(LiveTable.Marked)
    def _marked(self) -> None:
        self._count_marks()
        self._show_frame()

    def _count_marks(self) -> None:
        """Count the marked rows; of a long list not at every tick."""
        marked = self.table.marked
        hidden = len(marked.difference(self.table.keys)) if marked else 0
        of_them = " and hidden" if hidden == len(marked) else f", {hidden:,} of them hidden"
        text = f" · {len(marked):,} marked{of_them if hidden else ''}"
        self._marks = text if marked else ""

    def _show_facts(self) -> None:
        report, key = self.live.report, self.table.cursor
        listed = self._rows.get(key) if isinstance(key, int) else None
        text = Text("")
        if report is not None and listed is not None:
            text = DeliveryFormatter(report).facts(listed)
        elif isinstance(key, int):
            self.in_background(self.read_rows([key]))
        self.query_one("#delivery-facts", StaticText).show_text(text)

    @on(LiveTable.Moved)
    def _cursor_moved(self) -> None:
        """Follow new rows while the cursor is on the first one; hold them back elsewhere."""
        if not self.table.has_strayed:
            self.follows = self.table.at_top
            if self.follows and self._keys.held:
                self.follow(by_admin=True)
        self._show_facts()

    @on(LiveTable.Chosen)
    def action_open(self) -> None:
        """Open the delivery under the cursor."""
        delivery = self.selected()
        if delivery is not None:
            self.app.push_screen(DeliveryScreen(self.access, self.live, delivery.id))

    def action_follow(self) -> None:
        """Go to the newest and stay there, or stop that."""
        if self.follows:
            self.follows = False
            follow, first = key_of(self, "deliveries.follow"), key_of(self, "table.first")
            keys = " or ".join(filter(None, (follow, first))) or "you go back to the first"
            self.show_notice(f"new deliveries are held back until {keys}")
        else:
            self.follow(by_admin=True)

    def action_quarantine(self) -> None:
        """Show the events that reseals left out."""
        self.app.push_screen(QuarantineScreen(self.access, self.webhook_id, self.names()))


def _pages(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))
