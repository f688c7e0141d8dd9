"""Admin › Sources › Refused: what a source took and the queue cannot hold, each text whole."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from delivery.by_hand import send_by_hand
from domain.safe import safe
from domain.wording import counted, size_text, span_text
from store import refusals, webhooks
from store.errors import StoreError
from store.records import StoredRefusal
from tui.cells import Cell, Column, Row
from tui.questions import Question
from tui.screens.dialogs import SaveScreen
from tui.screens.lists import LookingScreen
from tui.shell.clipboard import copy
from tui.sources.receiver import ReceiverScreen
from tui.state.live_report import LiveReport
from tui.state.store_access import Refused, StoreAccess
from tui.webhooks.rows import receiver_of
from tui.widgets.json_view import JsonBox, JsonView
from tui.widgets.lines import Facts
from tui.widgets.live_table import LiveTable
from tui.wording import coarse_age

COLUMNS = (
    Column("state", "State", 12, sortable=False),
    Column("taken", "Taken", 6, right=True, sortable=False),
    Column("size", "Size", 9, right=True, sortable=False),
    Column("queue", "Queue", 14, from_width=72, sortable=False),
    Column("id", "Id", 12, from_width=100, sortable=False),
    Column("why", "Why it is not queued", 0, sortable=False),
)


def row_of(one: StoredRefusal, now_ms: int) -> Row:
    """A row of the list."""
    return (
        _state(one),
        Cell(coarse_age(now_ms - one.at_ms), "dim"),
        Cell(size_text(one.bytes)),
        Cell(one.queue),
        Cell(one.id),
        Cell(one.reason),
    )


def title_of(found: list[StoredRefusal]) -> str:
    """Return what the frame says of all of them."""
    sent = sum(one.sent_ms is not None for one in found)
    return f"Refused ── {len(found):,}{f', {sent:,} of them sent' if sent else ''}"


def facts_of(one: StoredRefusal, receiver: str, now_ms: int) -> str:
    """Why it is here, and what became of it; `receiver` is who it was sent to, if anybody."""
    tries = f"tried by hand {counted(one.attempts, 'time')}" if one.attempts else "never sent"
    if one.sent_ms is not None:
        tries = f"sent to {receiver} {span_text(now_ms - one.sent_ms)} ago"
    elif one.last_error is not None:
        tries += f", the last: {one.last_error}"
    return f"{one.id} of the queue {one.queue}: {tries}\n{one.reason}"


def drop_question(one: StoredRefusal) -> Question:
    """Return the question before one is forgotten."""
    sent = "It was sent to a webhook." if one.sent_ms is not None else "It went to no webhook."
    return Question(
        f"Forget the refused event {one.id}?",
        (sent, "There is no other copy of it here, nor where it came from."),
        yes="Forget",
    )


def _state(one: StoredRefusal) -> Cell:
    if one.sent_ms is not None:
        return Cell("✓ sent", "good")
    if one.last_error is not None:
        return Cell("✗ not sent", "bad")
    return Cell("○ waiting", "busy")


FOR_A_ROW = {"send", "write", "copy_id", "copy_json", "drop"}
UNREADABLE = "its URL, headers and secrets cannot be read: put the right key file back"
FACTS = 600


class RefusedScreen(LookingScreen):
    """The list, and below it the selected text; tab goes there, to fold and to search in it."""

    CRUMBS = "Refused"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "s",
            "send",
            "send",
            id="refused.send",
            tooltip="send it to a webhook that you name, at once and outside the queue",
        ),
        Binding("w", "write", "write to file", id="refused.write", tooltip="write the exact text"),
        Binding("y", "copy_id", "copy id", show=False, id="refused.copy-id"),
        Binding("Y", "copy_json", "copy JSON", id="refused.copy-json"),
        Binding("x,delete", "drop", "forget", id="refused.drop", tooltip="forget it, after asking"),
        Binding("tab", "app.focus_next", "other pane", id="refused.pane"),
    ]

    def __init__(self, access: StoreAccess, live: LiveReport, source: str) -> None:
        super().__init__(access, live)
        self._source = source
        self._found: dict[str, StoredRefusal] = {}
        self._text: tuple[str, bytes] = ("", b"")
        self._changes = 0
        """Count of what was done here, which the count of those that wait need not show."""
        self._seen: object = None

    def body(self) -> Iterable[Widget]:
        with Vertical(classes="panel", id="refused-panel"):
            yield LiveTable(COLUMNS, id="refused")
        yield Facts(id="refused-facts")
        with Vertical(classes="panel", id="refused-text"):
            yield JsonBox(JsonView(id="refused-json"))

    @property
    def table(self) -> LiveTable:
        """The list."""
        return self.query_one("#refused", LiveTable)

    def on_mount(self) -> None:
        self.table.focus()
        self.show()

    async def look(self) -> None:
        report = self.live.report
        waiting = report.overview.refused.get(self._source) if report is not None else None
        seen = (waiting, self._changes)
        if seen == self._seen:
            return
        found = await self.access.read(refusals.load_all, self._source)
        self._seen = seen
        self._found = {one.id: one for one in found}
        self.table.set_keys(list(self._found))
        self.tick()
        self.query_one("#refused-panel").border_title = Content(title_of(found))
        await self._show_selected()

    def tick(self) -> None:
        """Ages move with time."""
        now_ms = self.access.now_ms()
        near = [self._found[str(key)] for key in self.table.near() if str(key) in self._found]
        self.table.put_only({one.id: row_of(one, now_ms) for one in near})

    def selected(self) -> StoredRefusal | None:
        """The one under the cursor."""
        return self._found.get(str(self.table.cursor))

    async def _show_selected(self) -> None:
        one = self.selected()
        facts, view = self.query_one("#refused-facts", Facts), self.query_one(JsonView)
        self.refresh_bindings()
        if one is None:
            facts.show_text(Text("Nothing is refused: every event that was taken is in the queue."))
            view.show_json(b"")
            return
        receiver = self._receivers().get(one.sent_to or 0, f"webhook {one.sent_to}")
        told = facts_of(one, receiver, self.access.now_ms())
        facts.show_text(Text(safe(told, FACTS, keep_newlines=True)))
        if self._text[0] != one.id:
            text = await self.access.read(refusals.text_of, one.id)
            if self.selected() is one:
                self._text = (one.id, text)
                view.show_json(text)

    def _receivers(self) -> dict[int, str]:
        report = self.live.report
        every = report.overview.webhooks if report is not None else []
        return {one.webhook.id: receiver_of(one.webhook) for one in every}

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer no key that has nothing to work on."""
        if action in FOR_A_ROW:
            return self.selected() is not None
        return super().check_action(action, parameters)

    @on(LiveTable.Moved)
    async def _moved(self) -> None:
        await self._show_selected()

    @on(LiveTable.RowsWanted)
    def _wanted(self) -> None:
        self.tick()

    @on(LiveTable.Chosen)
    def _chosen(self) -> None:
        self.query_one(JsonView).focus()

    def action_send(self) -> None:
        """Ask for a webhook, and send the selected text to it."""
        one = self.selected()
        if one is None or not self.table.is_meant():
            return

        def answered(webhook_id: int | None) -> None:
            if webhook_id is not None:
                self.show_notice(f"sending {one.id} ...")
                self.beyond_screen(self._send(one, webhook_id))

        self.app.push_screen(ReceiverScreen(one.id, self._receivers()), answered)

    async def _send(self, one: StoredRefusal, webhook_id: int) -> None:
        told = await self.carry_out(self._sent(one, webhook_id))
        self._changes += 1
        if told is not None:
            self.show_notice(told[0], bad=told[1])
        if self.is_running:
            self.look_soon()

    async def _sent(self, one: StoredRefusal, webhook_id: int) -> tuple[str, bool]:
        """Send it; return what came of it, and whether that is bad. Raises Refused."""
        report = self.live.report
        webhook = await self.access.read(webhooks.find, webhook_id, self.access.store.vault)
        await self.access.read(refusals.check_may_send, webhook)
        if not webhook.readable or report is None:
            raise Refused(f"{webhook.named}: {UNREADABLE}")
        text = await self.access.read(refusals.text_of, one.id)
        note = partial(self.access.change, refusals.note_sent)
        try:
            now_ms = self.access.now_ms()
            outcome = await send_by_hand(one, text, webhook, report.settings, now_ms, note)
        except StoreError as error:
            raise Refused(f"{one.id}: {error}") from error
        return f"{one.id} to {webhook.named}: {outcome.detail}", not outcome.delivered

    def action_write(self) -> None:
        """Ask for a file, and write the text to it."""

        def answered(told: str | None) -> None:
            if told is not None:
                self.show_notice(told)

        name, text = self._text
        if name:
            self.app.push_screen(SaveScreen(f"{name}.json", text), answered)

    async def action_copy_id(self) -> None:
        """Copy the id of the selected one."""
        one = self.selected()
        if one is not None:
            await copy(self, one.id)

    async def action_copy_json(self) -> None:
        """Copy the selected text."""
        if self._text[0]:
            await copy(self, self._text[1].decode("utf-8", "backslashreplace"))

    def action_drop(self) -> None:
        """Forget the selected one after asking."""
        one = self.selected()
        if one is not None and self.table.is_meant():
            self.when_sure(drop_question(one), self._drop, one)

    async def _drop(self, one: StoredRefusal) -> None:
        request = self.access.change(refusals.drop, [one.id])
        await self.carry_out(request, f"the refused event {one.id} is forgotten")
        self._changes += 1
        if self.is_running:
            self.look_soon()
