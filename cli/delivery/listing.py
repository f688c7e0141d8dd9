"""`tocsin delivery list`, and the texts about deliveries."""

from __future__ import annotations

from argparse import Namespace

from cli.arguments import polls, read_filter
from cli.context import Context
from cli.json_shapes import delivery_shape
from cli.output import columns, labelled
from delivery.problems import answer_text
from delivery.report import failed_attempts
from domain.filters import OF_DELIVERIES
from domain.safe import safe
from domain.wording import counted, second_text, size_text, span_text, time_text
from store.database import Store
from store.queue import deliveries
from store.queue.deliveries import DeliveryFilter
from store.records import Attempt, Delivery

ANSWER_SHOWN = 200
HEADERS = ("SEALED", "ID", "WEBHOOK", "TYPE", "STATE", "EVENTS", "BYTES", "ATTEMPTS", "LAST")
WIDTHS = (20, 26, 7, 14, 9, 6, 9, 8, 0)
PAGE = 1000
MOST = 1_000_000


class Listing:
    """One run of `delivery list`."""

    def __init__(
        self, args: Namespace, context: Context, store: Store, webhook_id: int | None
    ) -> None:
        self._args = args
        self._context = context
        self._out = context.out
        self._store = store
        self._webhook_id = webhook_id
        self._terms = read_filter(args.filter, OF_DELIVERIES, store, context)
        self._open: dict[str, tuple[str, int]] = {}

    def once(self) -> None:
        """Print the newest and end."""
        found = self._newest(self._args.state, self._args.limit)
        if self._args.json:
            self._out.json([delivery_shape(delivery) for delivery in found])
        else:
            self._out.table([_row(delivery) for delivery in found], HEADERS)

    def follow(self) -> None:
        """Print the newest, then each delivery when it is sealed, after attempts and at its end.

        Deliveries end in another order than they are sealed in, so the pending ones, of which a
        webhook has at most one, are read singly.
        """
        if not self._args.json:
            self._out.data(columns(HEADERS, WIDTHS))
        last = self._store.call(deliveries.newest, DeliveryFilter(self._webhook_id), limit=1)
        last_id = last[0].id if last else None
        # Before the newest: what one of these becomes meanwhile is then shown now or by a poll.
        pending = DeliveryFilter(self._webhook_id, "pending")
        followed = self._store.call(deliveries.newest, pending, limit=MOST)
        newest = self._newest(self._args.state, self._args.limit)
        self._open = {delivery.id: _progress(delivery) for delivery in (*followed, *newest)}
        for delivery in newest:
            self._print(delivery)
        for _ in polls(self._context):
            last_id = self._poll(last_id)

    def _poll(self, last_id: str | None) -> str | None:
        """Print the changes since the last poll; return the id of the delivery sealed last."""
        which = DeliveryFilter(self._webhook_id)
        sealed = self._store.call(deliveries.after, which, last_id, limit=PAGE)
        for delivery in sealed:
            self._update(delivery)
        for public_id in list(self._open):
            self._update(self._store.call(deliveries.find, public_id))
        return sealed[-1].id if sealed else last_id

    def _update(self, delivery: Delivery) -> None:
        moved = self._open.pop(delivery.id, None) != _progress(delivery)
        if delivery.state == "pending":
            self._open[delivery.id] = _progress(delivery)
        if moved and self._is_wanted(delivery):
            self._print(delivery)

    def _is_wanted(self, delivery: Delivery) -> bool:
        if self._args.state not in (None, delivery.state):
            return False
        which = DeliveryFilter(terms=self._terms)
        return not self._terms or self._store.call(deliveries.matches, which, delivery.id)

    def _newest(self, state: str | None, limit: int) -> list[Delivery]:
        """The newest deliveries in a state, oldest first."""
        which = DeliveryFilter(
            self._webhook_id, state, self._args.since_ms, self._args.until_ms, self._terms
        )
        return self._store.call(deliveries.newest, which, limit=min(limit, MOST))[::-1]

    def _print(self, delivery: Delivery) -> None:
        if self._args.json:
            self._out.json_line(delivery_shape(delivery))
        else:
            self._out.data(columns(_row(delivery), WIDTHS))


def named_delivery(delivery: Delivery) -> str:
    """A delivery in a sentence: "delivery msg_... of webhook 1 with 50 events"."""
    events = counted(delivery.events, "event")
    return f"delivery {delivery.id} of webhook {delivery.webhook_id} with {events}"


def full_text(delivery: Delivery, now_ms: int) -> str:
    """Everything about a delivery but its attempts, in lines of label and value."""
    return labelled(
        [
            ("id", delivery.id),
            ("webhook", delivery.webhook_id),
            ("type", delivery.type.value),
            ("state", _state(delivery)),
            ("blocked", delivery.blocked),
            ("events", delivery.events),
            ("body", f"{size_text(delivery.bytes)}, SHA-256 {delivery.sha256}"),
            ("sealed", time_text(delivery.sealed_ms)),
            ("ended", time_text(delivery.ended_ms)),
            ("attempts", delivery.attempts),
            ("sending", _sending(delivery, now_ms)),
            ("next attempt", _next_attempt(delivery)),
            ("asked", delivery.asked and f"{delivery.asked}, when the attempt is over"),
        ]
    )


def attempt_text(attempt: Attempt) -> str:
    """An attempt on a line, and under it the start of the answer."""
    text = (
        f"attempt {attempt.number}  {time_text(attempt.started_ms)}  "
        f"{safe(attempt.detail or attempt.error or '', 300)}, "
        f"after {span_text(attempt.duration_ms)}"
    )
    answer = safe(attempt.answer_body, ANSWER_SHOWN)
    return f"{text}\n    {answer}" if answer else text


def last_result(delivery: Delivery) -> str | None:
    """The last attempt's status, or its error in a word."""
    if delivery.sending_since_ms is not None:
        return "sending"
    return answer_text(delivery.last_status, delivery.last_error)


def _state(delivery: Delivery) -> str:
    return f"{delivery.state} by {delivery.ended_by}" if delivery.ended_by else delivery.state


def _sending(delivery: Delivery, now_ms: int) -> str | None:
    since_ms = delivery.sending_since_ms
    return None if since_ms is None else f"for {span_text(now_ms - since_ms)}"


def _next_attempt(delivery: Delivery) -> str | None:
    if delivery.next_attempt_ms is None or delivery.sending_since_ms is not None:
        return None
    return f"{time_text(delivery.next_attempt_ms)} ({delivery.reason})"


def _progress(delivery: Delivery) -> tuple[str, int]:
    """The state, and the number of attempts that are over."""
    return delivery.state, failed_attempts(delivery)


def _row(delivery: Delivery) -> tuple[object, ...]:
    return (
        second_text(delivery.sealed_ms),
        delivery.id,
        delivery.webhook_id,
        delivery.type.value,
        delivery.state,
        delivery.events,
        delivery.bytes,
        delivery.attempts,
        last_result(delivery),
    )
