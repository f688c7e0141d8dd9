"""How a webhook reads as a row of the list, and in the lines below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text

from delivery.outcome import is_success
from delivery.report import Report, undelivered
from delivery.waiting import interval_of
from domain.safe import safe
from domain.times import format_duration
from domain.urls import receiver
from domain.words import counted, size_text
from store.records import Webhook, WebhookStatus
from tui.widgets.columns import Cell, Column, Row
from tui.words import (
    Condition,
    calm_age,
    calm_countdown,
    condition_cell,
    condition_of,
    countdown,
    result_cell,
)

COLUMNS = (
    Column("state", "State", 10),
    Column("type", "Type", 14),
    Column("receiver", "Receiver", 0),
    Column("queued", "Queued", 9, right=True),
    Column("last", "Last", 12, from_width=70),
    Column("next", "Next", 8, right=True),
    Column("waiting", "Oldest", 7, right=True, from_width=98),
    Column("interval", "Interval", 9, right=True, from_width=108),
    Column("strip", "Last 20", 20, from_width=116, sortable=False),
)
STRIP_GOOD, STRIP_BAD = "▂", "▇"
Results = Sequence[int | None]


@dataclass(frozen=True, slots=True)
class Sorting:
    """By which column the list is sorted; by state means the worst first."""

    column: str = "state"
    descending: bool = False


SORT_KEYS: dict[str, Callable[[WebhookStatus, Report], tuple[object, ...]]] = {
    "state": lambda status, _: (condition_of(status),),
    "type": lambda status, _: (status.webhook.fields.type.title,),
    "receiver": lambda status, _: (receiver_of(status.webhook).lower(),),
    "queued": lambda status, _: (status.queued,),
    "last": lambda status, _: (-(status.last_attempt_ms or 0),),
    "next": lambda status, report: (report.waiting(status).next_ms or 1 << 62,),
    "waiting": lambda status, _: (status.waiting_since_ms or 1 << 62,),
    "interval": lambda status, report: (interval_of(status, report.settings.interval_ms),),
}


def sorted_statuses(
    statuses: Sequence[WebhookStatus], report: Report, sorting: Sorting
) -> list[WebhookStatus]:
    """In the order asked for; equals by id."""
    key = SORT_KEYS[sorting.column]
    return sorted(
        sorted(statuses, key=lambda one: one.webhook.id),
        key=lambda one: key(one, report),
        reverse=sorting.descending,
    )


def matches(status: WebhookStatus, wanted: str) -> bool:
    """Whether a row holds the filter's text; `!` before it means whether it does not."""
    text = wanted.strip().lower()
    inverse = text.startswith("!")
    fields = status.webhook.fields
    state = condition_cell(condition_of(status)).text
    hay = f"{status.webhook.id} {fields.name or ''} {fields.url} {fields.type.title} {state}"
    return (text.lstrip("!").strip() in hay.lower()) != inverse


def receiver_of(webhook: Webhook) -> str:
    """The webhook's name, or its host and path."""
    return webhook.fields.name or receiver(webhook.fields.url)


def row_of(status: WebhookStatus, report: Report, results: Results) -> Row:
    """The cells of a webhook, in the order of COLUMNS."""
    fields = status.webhook.fields
    since_ms = status.waiting_since_ms
    return (
        condition_cell(condition_of(status)),
        Cell(fields.type.title),
        Cell(receiver_of(status.webhook)),
        Cell(f"{status.queued:,}", "plain" if status.queued else "dim"),
        _last(status, report),
        _next(status, report),
        Cell("-", "dim") if since_ms is None else Cell(calm_age(report.now_ms - since_ms)),
        Cell(format_duration(interval_of(status, report.settings.interval_ms)), "dim"),
        Cell(strip_of(results), "dim"),
    )


def strip_of(results: Results) -> str:
    """One block an attempt, low for taken and high for failed."""
    return "".join(STRIP_GOOD if _taken(status) else STRIP_BAD for status in results)


def facts_of(status: WebhookStatus, report: Report, results: Results) -> Text:
    """Three lines: why it is not sent yet, what waits, how it has been going."""
    where = receiver(status.webhook.fields.url)
    return Text(
        "\n".join(
            safe(line, 400)
            for line in (
                f"{where} · {_reason(status, report)}",
                _what_waits(status, report),
                _how_it_goes(status, report, results),
            )
        ),
        no_wrap=True,
        overflow="ellipsis",
    )


def _last(status: WebhookStatus, report: Report) -> Cell:
    at_ms = status.last_attempt_ms
    age_ms = None if at_ms is None else report.now_ms - at_ms
    return result_cell(status.last_status, status.last_error, age_ms)


def _next(status: WebhookStatus, report: Report) -> Cell:
    condition = condition_of(status)
    if condition is Condition.INACTIVE:
        return Cell("paused", "dim")
    if condition is Condition.BLOCKED:
        return Cell("blocked", "bad")
    if condition is Condition.IDLE:
        return Cell("idle", "dim")
    if condition is Condition.SENDING:
        return Cell("sending", "busy")
    waits = report.waiting(status)
    if waits.next_ms is None:
        return Cell("held", "warning")
    return Cell(countdown(waits.next_ms, report.now_ms))


def _reason(status: WebhookStatus, report: Report) -> str:
    waits = report.waiting(status)
    if waits.reason is None:
        return "all is delivered"
    if waits.next_ms is None:
        return waits.reason
    return f"{waits.reason}, {calm_countdown(waits.next_ms, report.now_ms)}"


def _what_waits(status: WebhookStatus, report: Report) -> str:
    pending = status.pending
    if pending is None:
        queued = counted(status.queued, "event") + " queued" if status.queued else "nothing waits"
        return f"{queued} · {counted(status.delivered_events, 'event')} delivered so far"
    words = report.overview.last_words.get(pending.id, "not tried yet")
    return (
        f"{counted(pending.events, 'event')}, {size_text(pending.bytes)}, {pending.id[:12]}… · "
        f"{words}"
    )


def _how_it_goes(status: WebhookStatus, report: Report, results: Results) -> str:
    parts = []
    if status.waiting_since_ms is not None:
        waited = calm_age(report.now_ms - status.waiting_since_ms)
        parts.append(f"oldest waiting event {waited}, {undelivered(status):,} wait")
    if results:
        good = sum(map(_taken, results))
        strip = strip_of(results)
        parts.append(f"last {len(results)} {strip} {good} delivered, {len(results) - good} failed")
    if status.quarantined_events:
        parts.append(f"{counted(status.quarantined_events, 'event')} in quarantine")
    return " · ".join(parts) or "no attempt yet"


def _taken(status: int | None) -> bool:
    return status is not None and is_success(status)
