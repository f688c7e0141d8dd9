"""Commands `tocsin event list` and `show`; `emit` has its own files."""

from __future__ import annotations

import heapq
from argparse import Namespace
from collections.abc import Iterable, Mapping

import msgspec

from cli.arguments import polls
from cli.context import Context, open_for_reading
from cli.event.lookup import kept_with_id, only_one
from cli.exit_codes import ExitCode, Failure
from cli.json_shapes import event_json
from cli.output import columns
from delivery.report import held_words, release_command
from domain.event_summary import event_line
from domain.event_types import EventType
from domain.filters import event_passes, phrase_terms
from domain.safe import safe
from domain.wording import second_text, time_text
from store.database import Store
from store.events import reading
from store.events.reading import Extent
from store.queue import deliveries
from store.records import Delivery, StoredEvent

HEADERS = ("ACCEPTED", "TYPE", "ID", "EVENT")
WIDTHS = (20, 14, 11, 0)
EXCERPT = 160
PAGE = 1000
MOST = 1_000_000


def list_all(args: Namespace, context: Context) -> None:
    """List the newest kept events, the newest last; with --follow go on."""
    listing = _Listing(args, context, open_for_reading(context))
    if args.follow:
        listing.follow()
    else:
        listing.once()


def show(args: Namespace, context: Context) -> None:
    """Show one event, the deliveries that carried it, and the webhooks that wait for it."""
    type_, id_ = _type_and_id(args.type_and_id)
    store = open_for_reading(context)
    of_type = "" if type_ is None else f" of type {type_.value}"
    search = kept_with_id(store, id_, type_)
    event = only_one(search, id_, args, f"no event {id_}{of_type} is kept")
    carriers = store.call(deliveries.carriers, event.type, event.seq)
    holders = store.call(deliveries.holders, event.type, event.seq)
    if args.json:
        shown = [
            {"id": carrier.id, "webhook": carrier.webhook_id, "state": carrier.state}
            for carrier in carriers
        ]
        waiting = [{"webhook": holder, "state": where} for holder, where in holders.items()]
        context.out.data(event_json(event, deliveries=shown, waiting=waiting))
    else:
        _print(event, carriers, holders, context)
        for holder in (holder for holder, where in holders.items() if where == "in quarantine"):
            _note_release(store, holder, event, context)


class _Listing:
    """One run of `event list`. `_last` has the seq of the last event shown of each type."""

    def __init__(self, args: Namespace, context: Context, store: Store) -> None:
        self._args = args
        self._context = context
        self._out = context.out
        self._store = store
        self._types = list(EventType) if args.type is None else [EventType(args.type)]
        self._terms = phrase_terms(args.search or "")
        self._extents = store.call(reading.extents)
        self._last = store.call(reading.heads)

    def once(self) -> None:
        """Print the newest and end."""
        found = self._newest()
        if self._args.json:
            lines = ",\n".join(map(event_json, found))
            self._out.data(f"[\n{lines}\n]" if lines else "[]")
        else:
            self._out.table(list(map(_row, found)), HEADERS)

    def follow(self) -> None:
        """Print the newest, then each new one within a moment of its acceptance."""
        if not self._args.json:
            self._out.data(columns(HEADERS, WIDTHS))
        self._print(self._newest())
        for _ in polls(self._context):
            self._print(self._arrived())

    def _newest(self) -> list[StoredEvent]:
        limit = min(self._args.limit, MOST)
        newest = [self._newest_of(type_, limit) for type_ in self._types]
        return _in_order(found[::-1] for found in newest)[-limit:]

    def _newest_of(self, type_: EventType, limit: int) -> list[StoredEvent]:
        since_ms = self._args.since_ms
        if not self._terms:
            before = self._last[type_] + 1
            return self._store.call(
                reading.newest, type_, limit=limit, since_ms=since_ms, before_seq=before
            )
        extent = Extent(self._last[type_], self._extents.get(type_, Extent()).pruned)
        found = self._store.call(reading.newest_matching, type_, self._terms, extent, limit=limit)
        return [event for event in found if since_ms is None or event.received_ms >= since_ms]

    def _arrived(self) -> list[StoredEvent]:
        """The events since the last poll, but for those that were pruned meanwhile."""
        heads = self._store.call(reading.heads)
        behind = [type_ for type_ in self._types if heads[type_] > self._last[type_]]
        arrived = []
        for type_ in behind:
            found = self._store.call(reading.after, type_, self._last[type_], limit=PAGE)
            self._last[type_] = found[-1].seq if found else heads[type_]
            arrived.append([event for event in found if self._is_wanted(event)])
        return _in_order(arrived)

    def _is_wanted(self, event: StoredEvent) -> bool:
        return event_passes(self._terms, event.type, event.received_ms, event.body)

    def _print(self, found: list[StoredEvent]) -> None:
        for event in found:
            self._out.data(event_json(event) if self._args.json else columns(_row(event), WIDTHS))


def _type_and_id(words: list[str]) -> tuple[EventType | None, str]:
    """The type, if given, and the id of `event show`. Raises Failure."""
    if len(words) > 2:
        raise Failure("one event is shown at a time: write [TYPE] ID", ExitCode.USAGE)
    *types, id_ = words
    if not types:
        return None, id_
    if types[0] not in list(EventType):
        known = ", ".join(EventType)
        raise Failure(f"{safe(types[0])} is no type of event: choose from {known}", ExitCode.USAGE)
    return EventType(types[0]), id_


def _print(
    event: StoredEvent,
    carriers: list[Delivery],
    holders: Mapping[int, deliveries.Held],
    context: Context,
) -> None:
    out = context.out
    out.data(f"{event.type.title} number {event.seq}, accepted {time_text(event.received_ms)}")
    out.data(msgspec.json.format(event.body, indent=2).decode())
    if not carriers:
        out.data("No delivery has carried it so far.")
    rows = [
        *(
            (carrier.id, carrier.webhook_id, carrier.state, time_text(carrier.ended_ms))
            for carrier in carriers
        ),
        *((None, holder, held_words(where), None) for holder, where in holders.items()),
    ]
    if rows:
        out.table(rows, ("DELIVERY", "WEBHOOK", "STATE", "ENDED"))


def _note_release(store: Store, webhook_id: int, event: StoredEvent, context: Context) -> None:
    """Write the command that sends the event out of the quarantine of a webhook."""
    for held in store.call(deliveries.quarantine, webhook_id):
        if (held.type, held.seq) == (event.type, event.seq):
            context.out.data(f"`{release_command(held)}` sends it out of quarantine.")


def _in_order(of_types: Iterable[list[StoredEvent]]) -> list[StoredEvent]:
    """Events by time of acceptance; a clock that was set back never reorders those of a type."""
    return list(heapq.merge(*of_types, key=lambda event: event.received_ms))


def _row(event: StoredEvent) -> tuple[object, ...]:
    return (
        second_text(event.received_ms),
        event.type.value,
        event.id,
        safe(event_line(event.type, event.body).text, EXCERPT),
    )
