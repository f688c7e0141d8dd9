"""Rows of deliveries and of their attempts, and the lines below the list about one delivery."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace
from rich.text import Text

from delivery.outcome import is_success
from delivery.report import Report, Waiting, failed_attempts, is_failing, quarantine_words
from delivery.request import ShownRequest
from domain.safe import safe
from domain.wording import counted, error_word, second_text, size_text, span_text, status_words
from store.queue.delivery_list import ListedDelivery
from store.records import Attempt, Delivery, WebhookStatus
from tui.cells import Cell, Column, Row, Tone
from tui.deliveries.copying import answer_text
from tui.key_names import with_key
from tui.webhooks.rows import receiver_of
from tui.wording import coarse_age, state_of, time_left

_WEBHOOK = "webhook"
_ROOMY, _NARROW = 88, 74
"""Widths from which there is room for columns that the lines below the list show too."""

_COLUMNS = (
    Column("state", "", 1, sortable=False),
    Column("when", "When UTC", 11, sortable=False),
    Column(_WEBHOOK, "Webhook", 14, sortable=False),
    Column("type", "Type", 14, from_width=104, sortable=False),
    Column("events", "Events", 6, right=True, from_width=_NARROW, sortable=False),
    Column("size", "Size", 9, right=True, from_width=_ROOMY, sortable=False),
    Column("attempts", "Attempts", 8, right=True, from_width=_NARROW, sortable=False),
    Column("result", "Result", 0, sortable=False),
    Column("took", "Took", 6, right=True, from_width=_ROOMY, sortable=False),
    Column("id", "Id", 15, from_width=124, sortable=False),
)
LINE = 400


def columns(*, of_one: bool) -> tuple[Column, ...]:
    """Return the columns of the list; that of a single webhook does not name it."""
    if not of_one:
        return _COLUMNS
    unnamed = [column for column in _COLUMNS if column.key != _WEBHOOK]
    return tuple(
        replace(column, from_width=_NARROW) if column.from_width == _ROOMY else column
        for column in unnamed
    )


class DeliveryFormatter:
    """Puts deliveries into words, with what the report knows of their webhooks."""

    def __init__(self, report: Report, *, of_one: bool = False) -> None:
        self._report = report
        self._of_one = of_one
        self._statuses = {status.webhook.id: status for status in report.overview.webhooks}

    def row(self, listed: ListedDelivery) -> Row:
        """Return the cells of a delivery, in the order of the columns."""
        delivery = listed.delivery
        took = "" if listed.took_ms is None else span_text(listed.took_ms)
        name = () if self._of_one else (Cell(self.webhook_name(delivery.webhook_id)),)
        return (
            state_of(delivery),
            self._when(delivery),
            *name,
            Cell(delivery.type.title, "dim"),
            Cell(f"{delivery.events:,}"),
            Cell(size_text(delivery.bytes)),
            Cell(f"{delivery.attempts:,}"),
            self.result(delivery),
            Cell(took, "dim"),
            Cell(delivery.id, "dim"),
        )

    def webhook_name(self, webhook_id: int) -> str:
        """Return its name or receiver; of a deleted webhook only the number is left."""
        status = self._statuses.get(webhook_id)
        return receiver_of(status.webhook) if status else f"webhook {webhook_id}"

    def result(self, delivery: Delivery) -> Cell:
        """Return its result, or what it waits for."""
        if delivery.state == "delivered":
            return Cell(_delivered(delivery), "good")
        if delivery.state != "pending":
            return Cell(_ended(delivery), "warning" if delivery.state == "skipped" else "dim")
        if delivery.blocked is not None:
            return Cell(f"blocked: {delivery.blocked}", "bad")
        if self._is_sending(delivery):
            return Cell(self._sending(delivery), "busy")
        last = "" if not is_failing(delivery) else f"{short_result(delivery)} · "
        waits = self.waiting(delivery)
        if waits.next_ms is None:
            return Cell(f"{last}{waits.reason}", "warning")
        tone: Tone = "bad" if last else "plain"
        return Cell(f"{last}next {time_left(waits.next_ms, self._report.now_ms)}", tone)

    def waiting(self, delivery: Delivery) -> Waiting:
        """Return the reason why a pending delivery is not sent yet, and the time when it is."""
        status = self._statuses.get(delivery.webhook_id)
        if status is None or status.pending is None or status.pending.id != delivery.id:
            return Waiting(self._lone_reason(status), None)
        return self._report.waiting(status)

    def facts(self, listed: ListedDelivery) -> Text:
        """Return three lines: the delivery, what it waits for, how its last attempt went."""
        return lines(self._identity_line(listed.delivery), *self._progress_lines(listed))

    def story(self, delivery: Delivery) -> str:
        """Return a sentence: its end, or why it is not sent yet."""
        if delivery.state != "pending":
            return f"{_ended(delivery)} at {second_text(delivery.ended_ms)}"
        if self._is_sending(delivery):
            then = f"; {delivery.asked} follows it unless it is taken" if delivery.asked else ""
            return f"attempt {delivery.attempts} is under way{then}"
        waits = self.waiting(delivery)
        if waits.next_ms is None:
            return waits.reason or ""
        return f"{waits.reason}, {time_left(waits.next_ms, self._report.now_ms)}"

    def _identity_line(self, delivery: Delivery) -> str:
        name = self.webhook_name(delivery.webhook_id)
        return (
            f"{delivery.id} · {counted(delivery.events, 'event')} ({delivery.type.title}), "
            f"{size_text(delivery.bytes)} to {name}"
        )

    def _progress_lines(self, listed: ListedDelivery) -> Iterator[str]:
        delivery = listed.delivery
        yield f"sealed {second_text(delivery.sealed_ms)} · {self.story(delivery)}"
        over = failed_attempts(delivery)
        if not over:
            yield "no attempt is over yet" if delivery.attempts else "not tried yet"
        elif listed.took_ms is None:
            yield f"attempt {over} was made; its record is no longer kept"
        else:
            words = listed.words or _answer(delivery)
            yield f"attempt {over}: {words}, after {span_text(listed.took_ms)}"

    def _when(self, delivery: Delivery) -> Cell:
        if delivery.ended_ms is None:
            return Cell(f"sealed {coarse_age(self._report.now_ms - delivery.sealed_ms)}")
        return Cell(moment(delivery.ended_ms, self._report.now_ms), "dim")

    def _is_sending(self, delivery: Delivery) -> bool:
        """Return True if an attempt is under way, and not left behind by a dead worker."""
        return delivery.sending_since_ms is not None and self._report.locked

    def _sending(self, delivery: Delivery) -> str:
        since_ms = delivery.sending_since_ms or self._report.now_ms
        then = f", then {delivery.asked}" if delivery.asked else ""
        return f"sending {coarse_age(self._report.now_ms - since_ms)}{then}"

    def _lone_reason(self, status: WebhookStatus | None) -> str:
        return "its webhook is deleted" if status is None else "about to change"


def queue_line(
    statuses: Sequence[WebhookStatus], report: Report, *, of_one: bool, quarantine_key: str
) -> str:
    """Return how many events a reseal left out, and how many are not sealed yet and why."""
    queued = sum(status.queued for status in statuses)
    aside = quarantine_words(statuses)
    parts = [with_key(", ".join(aside), quarantine_key)] if aside else []
    parts.append(f"{counted(queued, 'event')} queued")
    if of_one and queued and statuses:
        parts.append(_queue_reason(statuses[0], report))
    return " · ".join(parts)


def _queue_reason(status: WebhookStatus, report: Report) -> str:
    if status.pending is not None:
        return "behind the delivery that is pending"
    waits = report.waiting(status)
    if waits.next_ms is None:
        return waits.reason or ""
    return f"{waits.reason}, {time_left(waits.next_ms, report.now_ms)}"


def moment(time_ms: int, now_ms: int) -> str:
    """Return a time in UTC: of today without its day, of another day without its seconds."""
    text, today = str(second_text(time_ms)), str(second_text(now_ms))[:10]
    return text[11:19] if text.startswith(today) else f"{text[5:10]} {text[11:16]}"


def short_result(delivery: Delivery) -> str:
    """Return the result of the last attempt in a word."""
    if delivery.last_status is None:
        return error_word(delivery.last_error)
    return str(delivery.last_status)


def lines(*texts: str) -> Text:
    """Return lines of facts, harmless, each cut at the edge of the screen."""
    shown = "\n".join(safe(text, LINE) for text in texts)
    return Text(shown, no_wrap=True, overflow="ellipsis")


def _delivered(delivery: Delivery) -> str:
    words = "taken" if delivery.last_status is None else status_words(delivery.last_status)
    if delivery.attempts <= 1:
        return words
    return f"{words.split(' ')[0]}, after {delivery.attempts - 1} failed"


def _ended(delivery: Delivery) -> str:
    if delivery.state == "delivered":
        return "delivered"
    return f"{delivery.state} by {delivery.ended_by}" if delivery.ended_by else delivery.state


def _answer(delivery: Delivery) -> str:
    if delivery.last_status is None:
        return error_word(delivery.last_error)
    return status_words(delivery.last_status)


BAR = 6
ATTEMPT_COLUMNS = (
    Column("number", "#", 5, right=True, sortable=False),
    Column("at", "UTC", 11, sortable=False),
    Column("took", "Took", 5, right=True, sortable=False),
    Column("bar", "", BAR, sortable=False),
    Column("result", "Result", 0, sortable=False),
)


def attempt_row(attempt: Attempt, longest_ms: int, now_ms: int) -> Row:
    """Return the cells of an attempt that is over; its bar is measured by the longest."""
    good = attempt.status is not None and is_success(attempt.status)
    tone: Tone = "good" if good else "bad"
    return (
        Cell(f"{attempt.number:,}"),
        Cell(moment(attempt.started_ms, now_ms), "dim"),
        Cell(span_text(attempt.duration_ms)),
        Cell(bar(attempt.duration_ms, longest_ms), tone),
        Cell(f"{'✓' if good else '✗'} {_short(attempt)}", tone),
    )


def sending_row(delivery: Delivery, now_ms: int) -> Row:
    """Return the cells of the attempt that is under way."""
    since_ms = delivery.sending_since_ms or now_ms
    then = f", then {delivery.asked}" if delivery.asked else ""
    return (
        Cell(f"{delivery.attempts:,}"),
        Cell(moment(since_ms, now_ms), "dim"),
        Cell(coarse_age(now_ms - since_ms)),
        Cell(""),
        Cell(f"↑ sending{then}", "busy"),
    )


def bar(duration_ms: int, longest_ms: int) -> str:
    """Return a bar of blocks, BAR wide for the longest attempt."""
    return "▇" * max(1, -(-duration_ms * BAR // max(longest_ms, 1)))


def words_of(attempt: Attempt) -> str:
    """Return the result of an attempt in plain words."""
    return attempt.detail or _short(attempt)


def _short(attempt: Attempt) -> str:
    if attempt.status is not None:
        return status_words(attempt.status)
    return attempt.detail or error_word(attempt.error)


def longest(attempts: Sequence[Attempt]) -> int:
    """Return the duration of the longest attempt, milliseconds."""
    return max((attempt.duration_ms for attempt in attempts), default=1)


def answer(attempt: Attempt, cure: str = "") -> Text:
    """Return the whole result, its cure, and the receiver's answer, harmless."""
    said = answer_text(attempt)
    text = Text(safe(words_of(attempt)), style="bold")
    if cure:
        text.append(f"\n{safe(cure)}")
    return text.append(f"\n{said}" if said else "\n(no answer)", style="not bold")


def request_text(request: ShownRequest) -> Text:
    """Return the URL and the headers, one a line, harmless."""
    shown = [f"POST {request.url}", *(f"{name}: {value}" for name, value in request.headers)]
    text = Text("\n".join(safe(line, 400) for line in shown), no_wrap=True, overflow="ellipsis")
    if request.note:
        text.append(f"\n{safe(request.note)}", style="italic")
    return text
