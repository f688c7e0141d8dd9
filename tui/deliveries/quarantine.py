"""Screen of the quarantine: events that reseals left out, and sending one after all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from delivery.report import release_command
from domain.safe import safe
from domain.wording import span_text
from store.queue import deliveries, delivery_requests
from store.records import QuarantinedEvent
from tui.cells import Cell, Column, Row
from tui.key_names import key_of, keys_do, with_key
from tui.questions import Question
from tui.screens.dialogs import ConfirmScreen
from tui.state.store_access import Refused, StoreAccess
from tui.widgets.lines import StaticText
from tui.widgets.live_table import LiveTable
from tui.widgets.notices import show_notice

EMPTY = "Nothing is in quarantine: no reseal left an event out that was not sent since."


class QuarantineScreen(ModalScreen[None]):
    """List of the quarantine of one webhook, or of all."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("R,enter", "release", "release", id="quarantine.release"),
        Binding("q,escape", "dismiss(None)", "close", id="quarantine.close"),
    ]
    COLUMNS = (
        Column("webhook", "Webhook", 12, sortable=False),
        Column("event", "Event", 14, sortable=False),
        Column("since", "Since", 7, right=True, sortable=False),
        Column("state", "State", 0, sortable=False),
        Column("delivery", "Left out of", 27, from_width=90, sortable=False),
    )

    def __init__(
        self, access: StoreAccess, webhook_id: int | None, names: Mapping[int, str]
    ) -> None:
        """`names` are those of the webhooks, by their ids."""
        super().__init__()
        self._names = names
        self._access = access
        self._webhook_id = webhook_id
        self._events: list[QuarantinedEvent] = []

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog tall"):
            send, close = (key_of(self, f"quarantine.{name}") for name in ("release", "close"))
            keys = keys_do((send, "sends one after all"), (close, "closes"))
            title = with_key("Quarantine  ", keys)
            yield Static(Text(title, style="bold"))
            yield StaticText(id="quarantine-facts", classes="plain-line")
            yield LiveTable(self.COLUMNS, id="quarantine")

    async def on_mount(self) -> None:
        self.query_one(LiveTable).focus()
        await self._read()

    async def _read(self, notice: str | None = None) -> None:
        try:
            self._events = await self._access.read(deliveries.quarantine, self._webhook_id)
        except Refused as refused:
            notice = str(refused)
        table = self.query_one(LiveTable)
        table.set_keys(range(len(self._events)))
        table.put_rows(dict(self._rows()))
        self._show_line(notice or self._command())

    def _rows(self) -> Iterable[tuple[int, Row]]:
        now_ms = self._access.now_ms()
        for place, event in enumerate(self._events):
            which = f"{event.apart.words}, " if event.apart else ""
            state = (
                Cell(f"{which}left out")
                if event.released_ms is None
                else Cell(f"{which}about to be sent", "busy")
            )
            yield (
                place,
                (
                    Cell(self._receiver(event)),
                    Cell(event.event_id),
                    Cell(span_text(now_ms - event.at_ms), "dim"),
                    state,
                    Cell(event.delivery_id, "dim"),
                ),
            )

    def _receiver(self, event: QuarantinedEvent) -> str:
        return self._names.get(event.webhook_id, f"webhook {event.webhook_id}")

    def _selected(self) -> QuarantinedEvent | None:
        place = self.query_one(LiveTable).cursor
        if isinstance(place, int) and place < len(self._events):
            return self._events[place]
        return None

    def _command(self) -> str:
        event = self._selected()
        if event is None:
            return EMPTY
        return f"the same: {release_command(event)}"

    def _show_line(self, text: str) -> None:
        self.query_one("#quarantine-facts", StaticText).show_text(Text(safe(text, 300)))

    @on(LiveTable.Moved)
    def _moved(self) -> None:
        self._show_line(self._command())

    @on(LiveTable.Chosen)
    def action_release(self) -> None:
        """Ask, then send the selected event in a delivery of its own."""
        event = self._selected()
        if event is None:
            return
        if refusal := self._access.refusal:
            self._show_line(refusal)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                turn = self._access.change_queue.add(partial(self._release, event))
                self.app.run_worker(turn, exit_on_error=False)

        self.app.push_screen(ConfirmScreen(question_of(event, self._receiver(event))), answered)

    async def _release(self, event: QuarantinedEvent) -> None:
        notice = f"event {_named(event)} goes to {self._receiver(event)} in a delivery of its own"
        refusal = ""
        try:
            which = event.webhook_id, event.type, event.seq
            await self._access.change(delivery_requests.release, *which)
        except Refused as refused:
            refusal = str(refused)
        if self.is_running:
            await self._read(refusal or notice)
        else:
            show_notice(self, refusal or notice, bad=bool(refusal))


def _named(event: QuarantinedEvent) -> str:
    """Return the id, with what tells the event from others of that id."""
    return f"{event.event_id} ({event.apart.words})" if event.apart else event.event_id


def question_of(event: QuarantinedEvent, name: str) -> Question:
    """Return the question before an event is sent after all to the webhook of that name."""
    return Question(
        f"Send event {_named(event)} to {name} after all?",
        (
            "1 event goes in a delivery of its own, behind events that came after it.",
            f"It was left out of {event.delivery_id}.",
        ),
        yes="Send",
    )
