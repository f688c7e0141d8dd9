"""Rows of the list of events, and of the deliveries that carried one."""

from __future__ import annotations

from collections.abc import Mapping

from delivery.report import held_words
from domain.event_types import EventType
from domain.wording import second_text
from store.queue.deliveries import Held
from store.records import Delivery, StoredEvent
from tui.cells import Cell, Column, Row
from tui.wording import event_cell, state_of

COLUMNS = (
    Column("accepted", "Accepted UTC", 14, sortable=False),
    Column("id", "Id", 11, sortable=False),
    Column("what", "What", 0, sortable=False),
    Column("bytes", "Bytes", 7, right=True, from_width=110, sortable=False),
    Column("seq", "Number", 9, right=True, from_width=130, sortable=False),
)
CARRIER_COLUMNS = (
    Column("state", "", 1, sortable=False),
    Column("webhook", "Webhook", 0, sortable=False),
    Column("when", "When UTC", 14, sortable=False),
    Column("result", "Result", 26, sortable=False),
    Column("delivery", "Delivery", 26, from_width=98, sortable=False),
)
TYPES = tuple(EventType)
_SOURCES = {
    EventType.ENDPOINT_STATS: "This host's WireGuard makes them: switch it on in Admin (key 1).\n",
}


def empty_text(type_: EventType) -> str:
    """Return the text for a type without events: what they are, and how they come here."""
    source = _SOURCES.get(type_, "")
    return (
        f"No {type_.title} yet.\n\n{type_.description}\n\n"
        f"{source}Any program may send them:  tocsin event emit  takes JSON like\n"
        f'{{"type": "{type_.value}", "attributes": {{...}}}}'
    )


def key_of(type_: EventType, seq: int) -> int:
    """Return a key for a type and a number, so that a table can show every type."""
    return seq * len(TYPES) + TYPES.index(type_)


def seq_of(key: int) -> int:
    """Return the number in a key."""
    return key // len(TYPES)


def keys_of(type_: EventType, head: int, pruned: int) -> range:
    """Return the keys of a stretch, newest first: a million of them take no memory."""
    return range(key_of(type_, head), key_of(type_, pruned), -len(TYPES))


def row_of(event: StoredEvent, *, dated: bool = False) -> Row:
    """Return the cells of an event, in the order of COLUMNS; `dated` with its `created`."""
    return (
        Cell(short_time(event.received_ms), "dim"),
        Cell(event.id),
        event_cell(event, dated=dated),
        Cell(f"{len(event.body):,}", "dim"),
        Cell(f"{event.seq:,}", "dim"),
    )


def carrier_row(delivery: Delivery, names: Mapping[int, str]) -> Row:
    """Return the cells of a delivery that carried an event, in the order of CARRIER_COLUMNS."""
    state = state_of(delivery)
    return (
        state,
        Cell(names.get(delivery.webhook_id, f"webhook {delivery.webhook_id}, deleted")),
        Cell(short_time(delivery.ended_ms or delivery.sealed_ms), "dim"),
        Cell(_result(delivery), state.tone),
        Cell(delivery.id, "dim"),
    )


def holder_row(webhook_id: int, where: Held, names: Mapping[int, str]) -> Row:
    """Return the cells of a webhook that still waits for an event, as CARRIER_COLUMNS say."""
    name = names.get(webhook_id, f"webhook {webhook_id}")
    return (Cell("·"), Cell(name), Cell(""), Cell(held_words(where)), Cell(""))


def _result(delivery: Delivery) -> str:
    last = "" if delivery.last_status is None else f", {delivery.last_status}"
    if delivery.state != "pending":
        by = f" by {delivery.ended_by}" if delivery.state == "skipped" else last
        return f"{delivery.state}{by}"
    if delivery.blocked is not None:
        return "blocked"
    if delivery.sending_since_ms is not None:
        return f"sending, attempt {delivery.attempts}"
    return f"waiting, tried {delivery.attempts}×{last}" if delivery.attempts else "waiting"


def short_time(time_ms: int) -> str:
    """Return month, day and time in UTC: "11-24 08:00:00"."""
    return str(second_text(time_ms))[5:-1].replace("T", " ")
