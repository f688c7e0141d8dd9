"""Screen of one delivery: its attempts, the answers to them, and the exact request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from delivery.outcome import refused_events
from delivery.report import reseal_command
from domain.safe import safe
from domain.wording import counted, size_text
from store.queue import deliveries, delivery_list
from store.queue.delivery_list import ListedDelivery
from store.records import Attempt, Delivery
from tui.deliveries.actions import DELIVERY_KEYS, DeliveryActions, short_id
from tui.deliveries.body import BODY_KEYS, BodyActions
from tui.deliveries.copying import read_request
from tui.deliveries.rows import (
    ATTEMPT_COLUMNS,
    DeliveryFormatter,
    answer,
    attempt_row,
    lines,
    longest,
    request_text,
    sending_row,
)
from tui.key_names import and_key, key_of, with_key
from tui.screens.lists import ReadingScreen
from tui.state.live_report import LiveReport
from tui.state.store_access import Refused, StoreAccess
from tui.widgets.json_view import JsonBox, JsonView
from tui.widgets.lines import StaticText
from tui.widgets.live_table import Key, LiveTable
from tui.widgets.raw_text import RawText
from tui.widgets.request_head import RequestHead

SENDING = "sending"
"""Key of the attempt that is under way; the others have their row ids."""

FOR_PENDING = {"retry", "skip", "reseal"}
RAW_SHOWN = 20_000
PAGE = 200
FEWEST = 3
"""Lines of the attempts, their header included, that stay however small the screen is."""


class DeliveryScreen(ReadingScreen):
    """One delivery: attempts at the left or above, the request at the right or below."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *DELIVERY_KEYS,
        *BODY_KEYS,
        Binding("a", "pane('attempts')", "attempts", id="delivery.attempts"),
        Binding(
            "p",
            "pane('request')",
            "request",
            id="delivery.request",
            tooltip="go to the request; the pane that one is in gets the most room",
        ),
        Binding(
            "v",
            "raw",
            "raw",
            id="delivery.raw",
            tooltip="show the body as it is sent, or as folding JSON again",
        ),
        Binding(
            "slash",
            "search",
            "search",
            key_display="/",
            id="delivery.search",
            tooltip="go to a text in the request",
        ),
    ]

    def __init__(self, access: StoreAccess, live: LiveReport, delivery_id: str) -> None:
        super().__init__(access, live)
        self.delivery_id = delivery_id
        self._listed: ListedDelivery | None = None
        self._attempts: dict[int, Attempt] = {}
        self._shown: object = None
        # Textual looks up the action of a key by its name on the screen.
        self._body = body = BodyActions(self, delivery_id)
        self.action_write = body.write
        self.action_page = body.page
        self.action_edit = body.edit
        self._actions = actions = DeliveryActions(
            self, self.chosen, event_in_sight=self._event_in_sight
        )
        self.action_retry = actions.retry
        self.action_skip = actions.skip
        self.action_reseal = actions.reseal
        self.action_copy = actions.copy

    def crumbs(self) -> str:
        return short_id(self.delivery_id)

    def body(self) -> Iterable[Widget]:
        yield StaticText(id="delivery-facts")
        with Container(id="delivery-panes"):
            with Vertical(classes="panel", id="attempts-pane"):
                yield LiveTable(ATTEMPT_COLUMNS, id="attempts")
                with VerticalScroll(id="answer-scroll"):
                    yield Static(Text(""), id="answer")
            with Vertical(classes="panel", id="request-pane"):
                yield RequestHead(id="request-head", classes="head")
                yield JsonBox(JsonView(id="body"))
                with VerticalScroll(id="raw"):
                    yield RawText(id="raw-text")

    def on_mount(self) -> None:
        self.query_one("#attempts-pane").border_title = "Attempts"
        self.query_one("#request-pane").border_title = "Request"
        self.query_one("#raw").display = False
        self.table.focus()
        self.in_background(self._read_body())
        self.show()

    def show(self) -> None:
        if self._listed is None or self._listed.delivery.state == "pending":
            self.read_soon()

    def tick(self) -> None:
        report, listed = self.live.report, self._listed
        if report is None or listed is None:
            return
        self.query_one("#delivery-facts", StaticText).show_text(
            DeliveryFormatter(report).facts(listed)
        )
        if listed.delivery.sending_since_ms is not None:
            row = sending_row(listed.delivery, report.now_ms)
            self.table.put_rows({SENDING: row})

    async def read_store(self) -> None:
        ids = await self.access.read(delivery_list.row_ids, [self.delivery_id])
        found = await self.access.read(delivery_list.listed, ids)
        if not found:
            self._show_gone()
            return
        before, self._listed = self._listed, found[ids[0]]
        if before is None or before.delivery.state != self._listed.delivery.state:
            self.refresh_bindings()
        keys: list[Key] = list(await self.access.read(delivery_list.attempt_ids, self.delivery_id))
        await self._read_attempts([key for key in keys[:PAGE] if key not in self._attempts])
        sending = self._listed.delivery.sending_since_ms is not None
        table = self.table
        at_top = table.at_top
        self.tick()
        height = len(keys) + sending + 1
        table.styles.min_height, table.styles.max_height = min(height, FEWEST), height
        table.set_keys([SENDING, *keys] if sending else keys, to_top=at_top)
        self.query_one("#attempts-pane").border_title = f"Attempts ── {len(keys):,}"
        await self._show_attempt()
        await self._actions.show_results()

    def _show_gone(self) -> None:
        self.query_one("#delivery-facts", StaticText).show_text(
            lines(f"{self.delivery_id} is no longer kept: its retention is over")
        )

    async def _read_attempts(self, keys: list[Key]) -> None:
        ids = [key for key in keys if isinstance(key, int)]
        self._attempts.update(await self.access.read(delivery_list.attempts, ids))
        table, now_ms = self.table, self.access.now_ms()
        most = longest(list(self._attempts.values()))
        table.put_rows(
            {key: attempt_row(attempt, most, now_ms) for key, attempt in self._attempts.items()}
        )

    async def _read_body(self) -> None:
        view = self.query_one(JsonView)
        try:
            self._body.exact = await self.access.read(deliveries.body, self.delivery_id)
        except Refused as refused:
            view.show_json(str(refused).encode())
            return
        view.show_json(self._body.exact)
        note = ""
        if len(self._body.exact) > RAW_SHOWN:
            write = key_of(self, "delivery.write")
            note = f"{size_text(len(self._body.exact))} in all"
            note = and_key(note, write, "writes them to a file", ": ")
        self.query_one(RawText).show_text(safe(self._body.exact, RAW_SHOWN), note)

    @on(LiveTable.Moved)
    async def _show_attempt(self) -> None:
        """Show the answer to the selected attempt, and the request as it was made then."""
        key = self.table.cursor
        attempt = self._attempts.get(key) if isinstance(key, int) else None
        if self._listed is None or (self._shown == (key, attempt) and attempt is not None):
            return
        self._shown = (key, attempt)
        nothing = Text("no answer yet" if key == SENDING else "not tried yet", style="dim")
        text = answer(attempt, await self._cure(attempt)) if attempt else nothing
        self.query_one("#answer", Static).update(text)
        request = await read_request(self.access, self._listed.delivery, attempt)
        self._body.request = request_text(request)
        self.query_one(RequestHead).show_text(self._body.request)

    async def _cure(self, attempt: Attempt) -> str:
        """Return the command that leaves out an event that is refused, with the key for it."""
        pending = self._listed is not None and self._listed.delivery.state == "pending"
        refused = refused_events(attempt.status, attempt.answer_body)
        if not pending or not refused:
            return ""
        members = await self.access.read(delivery_list.members, self.delivery_id)
        command = reseal_command(self.delivery_id, refused, members)
        return with_key(command, key_of(self, "deliveries.reseal"))

    async def chosen(self, _asks: bool = True) -> list[Delivery]:
        return [self._listed.delivery] if self._listed is not None else []

    def _event_in_sight(self) -> int | None:
        """Return which event of the body the cursor is in, from 0 on; None if it is in none."""
        return self.query_one(JsonView).item

    @on(LiveTable.RowsWanted)
    async def _wanted(self, message: LiveTable.RowsWanted) -> None:
        await self._read_attempts(message.keys)

    @on(LiveTable.Chosen)
    def _enter_answer(self) -> None:
        """Go to the answer, to scroll it."""
        self.query_one("#answer-scroll").focus()

    def action_pane(self, name: str) -> None:
        """Go to the attempts or to the request."""
        raw = self.query_one("#raw")
        request = raw if raw.display else self.query_one(JsonView)
        (request if name == "request" else self.query_one("#attempts")).focus()

    @on(RequestHead.Cut)
    def _head_cut(self, message: RequestHead.Cut) -> None:
        """Show how many headers have no room in a low pane."""
        pager = key_of(self, "delivery.pager")
        more = and_key(counted(message.hidden, "more header"), pager, "pager", ", ")
        self.query_one("#request-pane").border_subtitle = Content(more if message.hidden else "")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer no retry, skip or reseal of a delivery that has ended."""
        if action in FOR_PENDING and self._listed is not None:
            return self._listed.delivery.state == "pending"
        return super().check_action(action, parameters)

    def action_raw(self) -> None:
        """Show the body as it is sent, or as folding JSON."""
        self._show_raw(not self.query_one("#raw").display)
        self.action_pane("request")

    def _show_raw(self, raw: bool) -> None:
        self.query_one("#raw").display = raw
        self.query_one(JsonBox).display = not raw

    def action_search(self) -> None:
        """Search in the folding JSON, also from elsewhere on this screen."""
        self._show_raw(False)
        self.query_one(JsonBox).open()
