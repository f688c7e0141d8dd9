"""Question about a reseal: fewer events a request, or one of them left out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import msgspec
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from delivery.report import taken_twice
from domain.errors import FieldError
from domain.safe import safe
from domain.webhooks import check_limit
from domain.wording import counted
from store.queue import delivery_list
from store.records import Delivery, StoredEvent
from tui.cells import Cell, Column
from tui.key_names import ENTER, key_of, keys_do, with_key
from tui.screens.dialogs import Buttons
from tui.state.store_access import Refused, StoreAccess
from tui.terminal.overlays import DialogScreen
from tui.widgets.inputs import InputLine
from tui.widgets.live_table import Key, LiveTable
from tui.wording import event_cell, shared_ids

HALF = "Proposed: half at a time."
AS_MANY = "Without a number a request takes what the webhook says."


class LeftOut(msgspec.Struct, frozen=True):
    """Event to leave out: its number, and its id, with what tells it from others of that id."""

    seq: int
    name: str


def left_out(event: StoredEvent, members: Iterable[StoredEvent]) -> LeftOut:
    """Return an event of a delivery as one to leave out."""
    apart = event.apart_from(members)
    return LeftOut(event.seq, f"{event.id}, {apart.words}" if apart else event.id)


class ResealChoice(msgspec.Struct, frozen=True):
    """Most events a request (None: as the webhook says), and the event that is left out."""

    max_events: int | None
    without: LeftOut | None


class ResealScreen(DialogScreen[ResealChoice]):
    """Ends with the choice, or None. `in_sight` is the place of the event that is offered first.

    `without` is left out unless another is chosen: the receiver refuses it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "cancel", id="reseal.cancel"),
        Binding("f2,ctrl+s", "reseal", "reseal", id="reseal.reseal"),
        Binding("f3,ctrl+l", "leave_out", "leave one out", id="reseal.leave-out"),
    ]

    def __init__(
        self,
        access: StoreAccess,
        delivery: Delivery,
        in_sight: int | None,
        *,
        without: LeftOut | None = None,
    ) -> None:
        super().__init__()
        self._access = access
        self._delivery = delivery
        self._without = without
        self._in_sight = in_sight

    def compose(self) -> ComposeResult:
        proposed = "" if self._proposed is None else str(self._proposed)
        with Vertical(classes="dialog"):
            yield Static(Text(f"Reseal {safe(self._delivery.id)}?", style="bold"))
            yield Static(Text(""), id="sealed-anew")
            with Horizontal(classes="row"):
                yield Static(Text("Events a request, at most "))
                yield InputLine(
                    proposed,
                    placeholder="as the webhook says",
                    type="integer",
                    select_on_focus=True,
                    id="max-events",
                )
            yield Static(Text(""), id="reseal-error", classes="error")
            yield Static(Text(""), id="left-out")
            with Buttons():
                yield self._button("cancel", "Cancel")
                yield self._button("leave-out", "Leave one out")
                yield self._button("reseal", "Reseal")

    @property
    def _proposed(self) -> int | None:
        """Half of the events; nothing of a single one, or if one is left out."""
        events = self._delivery.events
        return events // 2 if events > 1 and self._without is None else None

    def _button(self, id_: str, words: str) -> Button:
        text = Text(with_key(words, key_of(self, f"reseal.{id_}")))
        return Button(text, id=id_, variant="error" if id_ == "reseal" else "default", compact=True)

    def on_mount(self) -> None:
        self.query_one("#max-events").focus()
        self.query_one("#reseal-error").display = False
        self._show_left_out()

    def _show_left_out(self) -> None:
        self.query_one("#sealed-anew", Static).update(Text(f"It ends, and {self._fate()}"))
        without = self._without
        event = "none" if without is None else f"{safe(without.name, 130)} (to quarantine)"
        self.query_one("#left-out", Static).update(Text(f"Left out                   {event}"))

    def _fate(self) -> str:
        """Return the sentence about its events."""
        if self._without is None:
            number = AS_MANY if self._proposed is None else HALF
            return f"{_sealed_anew(self._delivery.events, 'event')} {number}"
        others = self._delivery.events - 1
        if not others:
            return "its only event waits in quarantine: nothing is sealed anew."
        return f"{_sealed_anew(others, 'other event')} {AS_MANY}"

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.query_one("#reseal", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "reseal":
            self.action_reseal()
        elif event.button.id == "leave-out":
            self.action_leave_out()
        else:
            self.dismiss(None)

    def action_leave_out(self) -> None:
        """Choose an event to leave out; the limit of events is the webhook's then."""

        def answered(event: LeftOut | None) -> None:
            self._without = event
            if event is not None:
                self.query_one("#max-events", Input).value = ""
            self._show_left_out()

        screen = EventChoiceScreen(self._access, self._delivery, self._without, self._in_sight)
        self.app.push_screen(screen, answered)

    def action_reseal(self) -> None:
        """Answer with what is typed and chosen."""
        text = self.query_one("#max-events", Input).value.strip()
        try:
            max_events = int(text) if text else None
            check_limit("max_events", max_events)
        except FieldError as error:
            self._show_error(f"{error.reason}; {error.cure}")
        except ValueError:
            self._show_error("that is no number; write one, or nothing")
        else:
            self.dismiss(ResealChoice(max_events, self._without))

    def _show_error(self, reason: str) -> None:
        error = self.query_one("#reseal-error", Static)
        error.update(Text(safe(reason)))
        error.display = True


def _sealed_anew(count: int, noun: str) -> str:
    anew = "is sealed anew under a new id" if count == 1 else "are sealed anew under new ids"
    return f"its {counted(count, noun)} {anew}. {taken_twice(count)}"


def _choice(none: str) -> str:
    keys = keys_do((ENTER, "chooses"), (none, "leaves none out"))
    return f"Leave out which event?   ({keys})"


class EventChoiceScreen(ModalScreen[LeftOut]):
    """List of the events of a delivery, by their numbers; ends with one, or None.

    The cursor begins on `chosen`, or else on the event at the place `in_sight`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "dismiss(None)", "none", id="event-choice.none"),
    ]
    COLUMNS = (
        Column("place", "#", 6, right=True, sortable=False),
        Column("id", "Id", 16, sortable=False),
        Column("what", "What", 0, sortable=False),
    )

    def __init__(
        self,
        access: StoreAccess,
        delivery: Delivery,
        chosen: LeftOut | None,
        in_sight: int | None,
    ) -> None:
        super().__init__()
        self._chosen = chosen
        self._access = access
        self._delivery = delivery
        self._in_sight = in_sight
        self._events: dict[Key, StoredEvent] = {}
        self._shared: frozenset[str] = frozenset()

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog tall"):
            yield Static(Text(_choice(key_of(self, "event-choice.none")), style="bold"))
            yield LiveTable(self.COLUMNS, id="members")

    async def on_mount(self) -> None:
        table = self.query_one(LiveTable)
        table.focus()
        try:
            events = await self._access.read(delivery_list.members, self._delivery.id)
        except Refused:
            self.dismiss(None)
            return
        self._events = {event.seq: event for event in events}
        self._shared = shared_ids(events)
        table.set_keys(list(self._events))
        if self._chosen is not None:
            table.move_to(self._chosen.seq)
        elif self._in_sight is not None and self._in_sight < len(events):
            table.move_to(events[self._in_sight].seq)

    @on(LiveTable.RowsWanted)
    def _wanted(self, message: LiveTable.RowsWanted) -> None:
        message.table.put_rows(dict(self._rows(message.keys)))

    def _rows(self, keys: Iterable[Key]) -> Iterable[tuple[Key, tuple[Cell, ...]]]:
        places = {key: place for place, key in enumerate(self._events, 1)}
        for key in keys:
            event = self._events[key]
            what = event_cell(event, dated=event.id in self._shared)
            yield key, (Cell(f"{places[key]:,}", "dim"), Cell(event.id), what)

    @on(LiveTable.Chosen)
    def _picked(self, message: LiveTable.Chosen) -> None:
        self.dismiss(left_out(self._events[message.key], self._events.values()))
