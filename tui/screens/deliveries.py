"""Deliveries, of one webhook or all: what is sent this second, what waits and why, what is over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input, Static

from delivery.report import Report
from domain.safe import safe
from store import listing
from store.listing import Listed, Look, Search
from store.records import Delivery, WebhookStatus
from tui.delivery_actions import DeliveryActions
from tui.delivery_filter import HINT, FilterReader
from tui.delivery_keys import DeliveryKeys
from tui.delivery_rows import Reader, columns, lines, queue_line
from tui.desk import Desk
from tui.live import Live
from tui.screens.delivery import DeliveryScreen
from tui.screens.quarantine import QuarantineScreen
from tui.webhook_rows import receiver_of
from tui.widgets.facts import Facts
from tui.widgets.live_table import Key, LiveTable

PAGE = 200
"""Rows that are read at once."""

KEPT_ROWS = 4_000
FILTER_SHOWN = 40

EMPTY = """Nothing was sealed for delivery yet.

Queued events are sealed and sent when the next run of their webhook is due."""
NONE_FOUND = "Nothing matches.\n\nesc shows all deliveries again."


class DeliveriesScreen(DeliveryActions):
    """What waits stands first. New rows are held back while the cursor is not on the first row."""

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

    def __init__(self, desk: Desk, live: Live, *, webhook_id: int | None = None) -> None:
        super().__init__(desk, live)
        self._webhook_id = webhook_id
        self._search = Search(webhook_id)
        self._keys = DeliveryKeys()
        self._rows: dict[int, Listed] = {}
        self._following = True
        self._stale = self._fresh = True
        self._looking = False
        self._filter = self._told = ""

    @property
    def table(self) -> LiveTable:
        """The list."""
        return self.query_one("#deliveries", LiveTable)

    def crumbs(self) -> str:
        statuses = self._statuses()
        if self._webhook_id is None:
            return "Deliveries"
        name = receiver_of(statuses[0].webhook) if statuses else str(self._webhook_id)
        return f"Webhooks › {name} › Deliveries"

    def body(self) -> Iterable[Widget]:
        with Vertical(classes="panel", id="deliveries-panel"):
            yield Facts(id="deliveries-queue", classes="line")
            yield LiveTable(columns(of_one=self._webhook_id is not None), id="deliveries")
            yield Static(Text(""), id="no-deliveries", classes="empty")
            yield Input(placeholder=HINT, id="deliveries-filter", compact=True)
            yield Facts(id="deliveries-hint", classes="line")
        yield Facts(id="delivery-facts")

    def on_mount(self) -> None:
        box = self.query_one("#deliveries-filter", Input)
        box.cursor_blink = False
        box.display = self.query_one("#deliveries-hint").display = False
        self.query_one("#no-deliveries").display = False
        self.table.focus()
        self.show()

    def on_screen_resume(self) -> None:
        self.show()

    def show(self) -> None:
        self.tick()
        self._stale = True
        self.in_background(self._look())

    def tick(self) -> None:
        report = self.live.report
        if report is None:
            return
        reader = self._reader(report)
        self._put([key for key in self._in_sight() if self._is_moving(key)])
        self._show_frame(report)
        self._show_facts(reader)

    def _reader(self, report: Report) -> Reader:
        return Reader(report, of_one=self._webhook_id is not None)

    def _in_sight(self) -> Sequence[Key]:
        top = self.table.scroll_offset.y
        return self.table.keys[top : top + self.table.size.height]

    def _is_moving(self, key: Key) -> bool:
        listed = self._rows.get(key) if isinstance(key, int) else None
        return listed is not None and listed.delivery.state == "pending"

    async def _look(self) -> None:
        """Look at what changed, one look at a time, until nothing more was said to have."""
        if self._looking:
            return
        self._looking = True
        try:
            while self._stale:
                self._stale = False
                await self._look_once()
                await self.tell_outcomes()
        finally:
            self._looking = False

    async def _look_once(self) -> None:
        """Rows are read before their keys are shown, so that none is blank for a moment."""
        search, keys = self._search, self._keys
        after, open_ids = (0, frozenset[int]()) if self._fresh else (keys.last_id, keys.open_ids)
        look = await self.desk.read(listing.look, search, after, open_ids)
        if not self._fresh and keys.is_overtaken(look):
            self._fresh = self._stale = True
            return
        await self._read_rows(self._wanted(look, open_ids))
        if search is self._search:
            self._take_in(look)

    def _wanted(self, look: Look, before: frozenset[int]) -> list[int]:
        """The newest that were found, and all known rows that were or are pending."""
        newest = look.found[: -PAGE // 2 : -1]
        known = [key for key in before | look.open_ids if key in self._rows]
        return list(dict.fromkeys([*newest, *known]))

    async def _read_rows(self, ids: Sequence[int]) -> None:
        for start in range(0, len(ids), PAGE):
            page = ids[start : start + PAGE]
            found = await self.desk.read(listing.deliveries, page)
            self._fresh = self._fresh or len(found) < len(page)
            self._rows.update(found)
            self._put(list(found))

    def _put(self, keys: Sequence[Key]) -> None:
        report = self.live.report
        if report is None:
            return
        reader = self._reader(report)
        known = [key for key in keys if isinstance(key, int) and key in self._rows]
        self.table.put_rows({key: reader.row(self._rows[key]) for key in known})
        if len(self._rows) > KEPT_ROWS:
            kept = {*self._in_sight(), *self._keys.open_ids}
            self._rows = {key: row for key, row in self._rows.items() if key in kept}

    def _take_in(self, look: Look) -> None:
        hold = not (self._following and self.table.at_top)
        if self._fresh:
            self._fresh = False
            self._keys.start(look)
            self._show_keys()
        elif self._keys.update(look, hold=hold):
            self._show_keys()
        self.tick()

    def _show_keys(self) -> None:
        at_top = self.table.at_top
        self.table.set_keys(self._keys.keys())
        if at_top and self._following:
            self.table.action_edge(-1)
        some = len(self.table.keys) > 0
        self.table.display = some
        empty = self.query_one("#no-deliveries", Static)
        empty.display = not some
        empty.update(Text(NONE_FOUND if self._search.terms else EMPTY))

    def _show_frame(self, report: Report) -> None:
        told = self._heading()
        panel = self.query_one("#deliveries-panel")
        if told != self._told:
            self._told = told
            panel.border_title = Text(told)
        queue = queue_line(self._statuses(), report, of_one=self._webhook_id is not None)
        self.query_one("#deliveries-queue", Facts).tell(lines(queue))

    def _heading(self) -> str:
        found, total = self._keys.count, self._keys.total
        parts = [
            "Deliveries",
            f"{found:,} of {total:,}" if self._search.terms else f"{total:,}",
            safe(self._filter, FILTER_SHOWN),
            f"▲ {self._keys.held:,} new" if self._keys.held else "",
        ]
        return " ── ".join(part for part in parts if part)

    def _show_facts(self, reader: Reader) -> None:
        key = self.table.cursor
        listed = self._rows.get(key) if isinstance(key, int) else None
        facts = self.query_one("#delivery-facts", Facts)
        if listed is not None:
            facts.tell(reader.facts(listed))
        else:
            facts.tell(Text(""))
            if isinstance(key, int):
                self.in_background(self._read_rows([key]))

    def _statuses(self) -> list[WebhookStatus]:
        report = self.live.report
        every = report.overview.webhooks if report is not None else []
        wanted = self._webhook_id
        return [one for one in every if wanted is None or one.webhook.id == wanted]

    async def chosen(self) -> list[Delivery]:
        keys = [key for key in self.table.chosen_keys() if isinstance(key, int)]
        unknown = [key for key in keys if key not in self._rows]
        await self._read_rows(unknown)
        return [self._rows[key].delivery for key in keys if key in self._rows]

    def chosen_done(self) -> None:
        self.table.clear_marks()

    @on(LiveTable.Wanted)
    async def _rows_wanted(self, message: LiveTable.Wanted) -> None:
        await self._read_rows([key for key in message.keys if isinstance(key, int)])

    @on(LiveTable.Moved)
    def _moved(self) -> None:
        """On the first row one follows what is new; elsewhere it is held back."""
        self._following = self.table.at_top
        if self._following and self._keys.held:
            self._catch_up()
        self.tick()

    @on(LiveTable.Chosen)
    def _chosen_row(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        """Open the delivery under the cursor."""
        key = self.table.cursor
        listed = self._rows.get(key) if isinstance(key, int) else None
        if listed is not None:
            self.app.push_screen(DeliveryScreen(self.desk, self.live, listed.delivery.id))

    def action_follow(self) -> None:
        """Go to the newest and stay there; if one is there already, stop that."""
        if self._following and self.table.at_top:
            self._following = False
            self.tell("new deliveries are held back until f")
            return
        self._following = True
        self._catch_up()

    def _catch_up(self) -> None:
        self._keys.release()
        self._show_keys()
        self.table.action_edge(-1)
        self.tick()

    def action_quarantine(self) -> None:
        """Show what reseals left out."""
        self.app.push_screen(QuarantineScreen(self.desk, self._webhook_id))

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
        webhooks = [one.webhook for one in self._statuses()]
        hint = self.query_one("#deliveries-hint", Facts)
        try:
            reader = FilterReader(webhooks, self.desk.now_ms())
            search = reader.read(message.value, self._webhook_id)
        except ValueError as error:
            hint.tell(lines(str(error)))
            hint.display = True
            return
        hint.display = False
        self._filter = message.value.strip()
        if search != self._search:
            self._search, self._keys, self._fresh = search, DeliveryKeys(), True
            self.show()

    @on(Input.Submitted, "#deliveries-filter")
    def _filter_entered(self) -> None:
        self.table.focus()
