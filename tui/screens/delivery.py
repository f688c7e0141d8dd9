"""One delivery: its attempts, what was answered to each, and the exact request."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from domain.safe import safe
from domain.words import size_text
from store import listing, reads
from store.listing import Listed
from store.records import Attempt, Delivery
from tui.attempt_rows import COLUMNS, answer, longest, request_text, row_of, sending_row
from tui.delivery_actions import DeliveryActions, short_id
from tui.delivery_request import read_request
from tui.delivery_rows import Reader, lines
from tui.desk import Desk, Refused
from tui.json_tree import event_of
from tui.keys import key_of
from tui.live import Live
from tui.screens.save import SaveScreen
from tui.widgets.facts import Facts
from tui.widgets.json_view import JsonView
from tui.widgets.live_table import Key, LiveTable

SENDING = "sending"
"""The key of the attempt that is under way; the others have their row ids."""

RAW_SHOWN = 20_000
PAGE = 200
FEWEST = 3
"""Lines of the attempts, their header included, that stay however small the screen is."""


class DeliveryScreen(DeliveryActions):
    """Attempts at the left, the request at the right; on narrow screens one above the other."""

    BINDINGS: ClassVar[list[BindingType]] = [
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
        Binding("w", "write", "write to file", id="delivery.write", tooltip="write the exact body"),
    ]

    def __init__(self, desk: Desk, live: Live, delivery_id: str) -> None:
        super().__init__(desk, live)
        self._delivery_id = delivery_id
        self._listed: Listed | None = None
        self._attempts: dict[int, Attempt] = {}
        self._body: bytes | None = None
        self._shown: object = None

    def crumbs(self) -> str:
        return short_id(self._delivery_id)

    def body(self) -> Iterable[Widget]:
        yield Facts(id="delivery-facts")
        with Container(id="delivery-panes"):
            with Vertical(classes="panel", id="attempts-pane"):
                yield LiveTable(COLUMNS, id="attempts")
                with VerticalScroll(id="answer-scroll"):
                    yield Static(Text(""), id="answer")
            with Vertical(classes="panel", id="request-pane"):
                yield Facts(id="request-head", classes="head")
                yield JsonView(id="body")
                with VerticalScroll(id="raw"):
                    yield Static(Text(""), id="raw-text")

    def on_mount(self) -> None:
        self.query_one("#attempts-pane").border_title = "Attempts"
        self.query_one("#request-pane").border_title = "Request"
        self.query_one("#raw").display = False
        self.query_one("#attempts", LiveTable).focus()
        self.in_background(self._read_body())
        self.show()

    def show(self) -> None:
        if self._listed is None or self._listed.delivery.state == "pending":
            self.look_soon()

    def tick(self) -> None:
        report, listed = self.live.report, self._listed
        if report is None or listed is None:
            return
        self.query_one("#delivery-facts", Facts).tell(Reader(report).facts(listed))
        if listed.delivery.sending_since_ms is not None:
            row = sending_row(listed.delivery, report.now_ms)
            self.query_one("#attempts", LiveTable).put_rows({SENDING: row})

    async def look(self) -> None:
        ids = await self.desk.read(listing.numbers, [self._delivery_id])
        found = await self.desk.read(listing.deliveries, ids)
        if not found:
            self._tell_gone()
            return
        self._listed = found[ids[0]]
        keys: list[Key] = list(await self.desk.read(listing.attempt_ids, self._delivery_id))
        await self._read_attempts([key for key in keys[:PAGE] if key not in self._attempts])
        sending = self._listed.delivery.sending_since_ms is not None
        table = self.query_one("#attempts", LiveTable)
        at_top = table.at_top
        self.tick()
        height = len(keys) + sending + 1
        table.styles.min_height, table.styles.max_height = min(height, FEWEST), height
        table.set_keys([SENDING, *keys] if sending else keys)
        if at_top:
            table.action_edge(-1)
        self.query_one("#attempts-pane").border_title = f"Attempts ── {len(keys):,}"
        await self._show_attempt()

    def _tell_gone(self) -> None:
        self.query_one("#delivery-facts", Facts).tell(
            lines(f"{self._delivery_id} is no longer kept: its retention is over")
        )

    async def _read_attempts(self, keys: list[Key]) -> None:
        ids = [key for key in keys if isinstance(key, int)]
        self._attempts.update(await self.desk.read(listing.attempts, ids))
        table, now_ms = self.query_one("#attempts", LiveTable), self.desk.now_ms()
        most = longest(list(self._attempts.values()))
        table.put_rows({key: row_of(one, most, now_ms) for key, one in self._attempts.items()})

    async def _read_body(self) -> None:
        view = self.query_one(JsonView)
        try:
            self._body = await self.desk.read(reads.body, self._delivery_id)
        except Refused as refused:
            view.show_json(str(refused).encode())
            return
        view.show_json(self._body)
        text = safe(self._body, RAW_SHOWN)
        if len(self._body) > RAW_SHOWN:
            write = key_of(self, "delivery.write")
            text += f"\n\n{size_text(len(self._body))} in all: {write} writes them to a file"
        self.query_one("#raw-text", Static).update(Text(text))

    async def _show_attempt(self) -> None:
        """The answer to the selected attempt, and the request as it was made then."""
        key = self.query_one("#attempts", LiveTable).cursor
        attempt = self._attempts.get(key) if isinstance(key, int) else None
        if self._listed is None or (self._shown == (key, attempt) and attempt is not None):
            return
        self._shown = (key, attempt)
        nothing = Text("no answer yet" if key == SENDING else "not tried yet", style="dim")
        self.query_one("#answer", Static).update(answer(attempt) if attempt else nothing)
        request = await read_request(self.desk, self._listed.delivery, attempt)
        self.query_one("#request-head", Facts).tell(request_text(request))

    async def chosen(self) -> list[Delivery]:
        return [self._listed.delivery] if self._listed is not None else []

    @property
    def event_in_sight(self) -> str | None:
        event = event_of(self.query_one(JsonView).line)
        return event[1] if event is not None else None

    @on(LiveTable.Moved)
    async def _moved(self) -> None:
        await self._show_attempt()

    @on(LiveTable.Wanted)
    async def _wanted(self, message: LiveTable.Wanted) -> None:
        await self._read_attempts(message.keys)

    @on(LiveTable.Chosen)
    def _chosen(self) -> None:
        """Go to the answer, to scroll it."""
        self.query_one("#answer-scroll").focus()

    def action_pane(self, name: str) -> None:
        """Go to the attempts or to the request."""
        raw = self.query_one("#raw")
        request = raw if raw.display else self.query_one(JsonView)
        (request if name == "request" else self.query_one("#attempts")).focus()

    def action_raw(self) -> None:
        """Show the body as it is sent, or as JSON to look at."""
        raw, view = self.query_one("#raw"), self.query_one(JsonView)
        raw.display, view.display = not raw.display, raw.display
        self.action_pane("request")

    def action_write(self) -> None:
        """Ask for a file, and write the body to it."""

        def answered(path: str | None) -> None:
            if path is not None and self._body is not None:
                self.in_background(self._write(path, self._body))

        if self._body is None:
            self.tell("there is no body to write: its events are no longer kept", bad=True)
        else:
            self.app.push_screen(SaveScreen(f"{self._delivery_id}.json"), answered)

    async def _write(self, path: str, body: bytes) -> None:
        try:
            await asyncio.to_thread(_write_new, path, body)
        except FileExistsError:
            self.tell(f"{path} is there already: choose another name", bad=True)
        except RuntimeError:
            self.tell(f"cannot write {path}: there is no such user", bad=True)
        except OSError as error:
            self.tell(f"cannot write {path}: {error.strerror}", bad=True)
        else:
            self.tell(f"wrote {size_text(len(body))} to {path}")


def _write_new(path: str, data: bytes) -> None:
    descriptor = os.open(Path(path).expanduser(), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
