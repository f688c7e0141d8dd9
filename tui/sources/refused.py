"""Admin › Sources › Refused: events that a source took and the queue cannot hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from delivery.by_hand import send_by_hand
from domain.safe import safe
from domain.wording import counted, size_text, span_text
from store import refusals, webhooks
from store.errors import StoreError
from store.records import StoredRefusal
from tui.cells import Cell, Column, Row
from tui.key_names import ENTER, key_of, keys_do
from tui.questions import Question
from tui.screens.dialogs import SaveScreen
from tui.screens.lists import ReadingScreen
from tui.shell.clipboard import copy
from tui.state.live_report import LiveReport
from tui.state.store_access import Refused, StoreAccess
from tui.terminal.overlays import DialogScreen
from tui.webhooks.rows import receivers_of
from tui.widgets.inputs import VisibleInput
from tui.widgets.json_view import JsonBox, JsonView
from tui.widgets.lines import StaticText
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


def row_of(refusal: StoredRefusal, now_ms: int) -> Row:
    """Return the row of a refused event."""
    return (
        _state(refusal),
        Cell(coarse_age(now_ms - refusal.at_ms), "dim"),
        Cell(size_text(refusal.bytes)),
        Cell(refusal.queue),
        Cell(refusal.id),
        Cell(refusal.reason),
    )


def title_of(found: list[StoredRefusal]) -> str:
    """Return the title of the list."""
    sent = sum(refusal.sent_ms is not None for refusal in found)
    return f"Refused ── {len(found):,}{f', {sent:,} of them sent' if sent else ''}"


def facts_of(refusal: StoredRefusal, receiver: str, now_ms: int) -> str:
    """Return why an event is refused, and to which `receiver` it was sent, if to any."""
    tries = (
        f"tried by hand {counted(refusal.attempts, 'time')}" if refusal.attempts else "never sent"
    )
    if refusal.sent_ms is not None:
        tries = f"sent to {receiver} {span_text(now_ms - refusal.sent_ms)} ago"
    elif refusal.last_error is not None:
        tries += f", the last: {refusal.last_error}"
    return f"{refusal.id} of the queue {refusal.queue}: {tries}\n{refusal.reason}"


def drop_question(refusal: StoredRefusal) -> Question:
    """Return the question before a refused event is forgotten."""
    sent = "It was sent to a webhook." if refusal.sent_ms is not None else "It went to no webhook."
    return Question(
        f"Forget the refused event {refusal.id}?",
        (sent, "There is no other copy of it here, nor where it came from."),
        yes="Forget",
    )


def _state(refusal: StoredRefusal) -> Cell:
    if refusal.sent_ms is not None:
        return Cell("✓ sent", "good")
    if refusal.last_error is not None:
        return Cell("✗ not sent", "bad")
    return Cell("○ waiting", "busy")


FOR_A_ROW = {"send", "write", "copy_id", "copy_json", "drop"}
UNREADABLE = "its URL, headers and secrets cannot be read: put the right key file back"
FACTS = 600
LISTED = 8
LONGEST_LINE = 300


class ReceiverScreen(DialogScreen[int]):
    """Question for the webhook that gets a refused event, by its name or id; ends with the id.

    `receivers` has the names by the ids.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "cancel", id="receiver.cancel"),
    ]

    def __init__(self, what: str, receivers: Mapping[int, str]) -> None:
        super().__init__()
        self._what = what
        self._receivers = receivers

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            keys = keys_do((ENTER, "sends"), (key_of(self, "receiver.cancel"), "cancels"))
            question = f"Send {self._what} to which webhook?   ({keys})"
            yield Static(Text(safe(question, LONGEST_LINE), style="bold"))
            yield VisibleInput(max_length=200, id="receiver-name")
            yield Static(Text(safe(self._names(), LONGEST_LINE)), classes="plain")
            yield Static(Text(""), id="receiver-error", classes="error")

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @on(Input.Submitted)
    def _entered(self, message: Input.Submitted) -> None:
        wanted = message.value.strip()
        found = [id_ for id_, name in self._receivers.items() if wanted in (name, str(id_))]
        if not wanted:
            self.dismiss(None)
        elif found:
            self.dismiss(found[0])
        else:
            error = f"there is no webhook {wanted}: give the name or the id of one"
            self.query_one("#receiver-error", Static).update(Text(safe(error, LONGEST_LINE)))

    def _names(self) -> str:
        named = [f"{id_} {name}".strip() for id_, name in self._receivers.items()]
        more = len(named) - LISTED
        names = " · ".join(named[:LISTED]) or "there is none yet"
        return f"{names} · and {more} more" if more > 0 else names


class RefusedScreen(ReadingScreen):
    """List of the refused events of a source, and below it the selected text as JSON."""

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
        """Number of actions done here: the number of events need not change by them."""
        self._seen: object = None

    def body(self) -> Iterable[Widget]:
        with Vertical(classes="panel", id="refused-panel"):
            yield LiveTable(COLUMNS, id="refused")
        yield StaticText(id="refused-facts")
        with Vertical(classes="panel", id="refused-text"):
            yield JsonBox(JsonView(id="refused-json"))

    def on_mount(self) -> None:
        self.table.focus()
        self.show()

    async def read_store(self) -> None:
        report = self.live.report
        waiting = report.overview.refused.get(self._source) if report is not None else None
        seen = (waiting, self._changes)
        if seen == self._seen:
            return
        found = await self.access.read(refusals.load_all, self._source)
        self._seen = seen
        self._found = {refusal.id: refusal for refusal in found}
        self.table.set_keys(list(self._found))
        self.tick()
        self.query_one("#refused-panel").border_title = Content(title_of(found))
        await self._show_selected()

    @on(LiveTable.RowsWanted)
    def tick(self) -> None:
        """Update the ages."""
        now_ms = self.access.now_ms()
        near = [self._found[str(key)] for key in self.table.near() if str(key) in self._found]
        self.table.put_only({refusal.id: row_of(refusal, now_ms) for refusal in near})

    def selected(self) -> StoredRefusal | None:
        """Return the refused event under the cursor."""
        return self._found.get(str(self.table.cursor))

    @on(LiveTable.Moved)
    async def _show_selected(self) -> None:
        refusal = self.selected()
        facts, view = self.query_one("#refused-facts", StaticText), self.query_one(JsonView)
        self.refresh_bindings()
        if refusal is None:
            facts.show_text(Text("Nothing is refused: every event that was taken is in the queue."))
            view.show_json(b"")
            return
        receiver = receivers_of(self.live.webhooks).get(
            refusal.sent_to or 0, f"webhook {refusal.sent_to}"
        )
        words = facts_of(refusal, receiver, self.access.now_ms())
        facts.show_text(Text(safe(words, FACTS, keep_newlines=True)))
        if self._text[0] != refusal.id:
            text = await self.access.read(refusals.text_of, refusal.id)
            if self.selected() is refusal:
                self._text = (refusal.id, text)
                view.show_json(text)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer no key that has nothing to work on."""
        if action in FOR_A_ROW:
            return self.selected() is not None
        return super().check_action(action, parameters)

    @on(LiveTable.Chosen)
    def _chosen(self) -> None:
        self.query_one(JsonView).focus()

    def action_send(self) -> None:
        """Ask for a webhook, and send the selected text to it."""
        refusal = self.selected()
        if refusal is None or not self.table.is_meant() or self.refuses_changes():
            return

        def answered(webhook_id: int | None) -> None:
            if webhook_id is not None:
                self.show_notice(f"sending {refusal.id} ...")
                self.run_in_app(self._send(refusal, webhook_id))

        self.app.push_screen(ReceiverScreen(refusal.id, receivers_of(self.live.webhooks)), answered)

    async def _send(self, refusal: StoredRefusal, webhook_id: int) -> None:
        result = await self.carry_out(self._sent(refusal, webhook_id))
        self._changes += 1
        if result is not None:
            self.show_notice(result[0], bad=result[1])
        if self.is_running:
            self.read_soon()

    async def _sent(self, refusal: StoredRefusal, webhook_id: int) -> tuple[str, bool]:
        """Send a refused event; return a notice, and True if it failed. Raises Refused."""
        report = self.live.report
        webhook = await self.access.read(webhooks.find, webhook_id, self.access.store.vault)
        await self.access.read(refusals.check_may_send, webhook)
        if not webhook.readable or report is None:
            raise Refused(f"{webhook.named}: {UNREADABLE}")
        text = await self.access.read(refusals.text_of, refusal.id)
        note = partial(self.access.change, refusals.note_sent)
        try:
            now_ms = self.access.now_ms()
            outcome = await send_by_hand(refusal, text, webhook, report.settings, now_ms, note)
        except StoreError as error:
            raise Refused(f"{refusal.id}: {error}") from error
        return f"{refusal.id} to {webhook.named}: {outcome.detail}", not outcome.delivered

    def action_write(self) -> None:
        """Ask for a file, and write the text to it."""

        name, text = self._text
        if name:
            self.app.push_screen(SaveScreen(f"{name}.json", text))

    async def action_copy_id(self) -> None:
        """Copy the id of the selected event."""
        refusal = self.selected()
        if refusal is not None:
            await copy(self, refusal.id)

    async def action_copy_json(self) -> None:
        """Copy the selected text."""
        if self._text[0]:
            await copy(self, self._text[1].decode("utf-8", "backslashreplace"))

    def action_drop(self) -> None:
        """Forget the selected event after asking."""
        refusal = self.selected()
        if refusal is not None and self.table.is_meant():
            self.confirm(drop_question(refusal), self._drop, refusal)

    async def _drop(self, refusal: StoredRefusal) -> None:
        request = self.access.change(refusals.drop, [refusal.id])
        await self.carry_out(request, f"the refused event {refusal.id} is forgotten")
        self._changes += 1
        if self.is_running:
            self.read_soon()
