"""Rows of the list of webhooks, and the lines below it about the selected one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from rich.text import Text

from delivery.outcome import is_success
from delivery.report import Report, hindrance, interval_of, quarantine_words, undelivered
from domain.safe import safe
from domain.times import format_duration
from domain.urls import receiver
from domain.wording import counted, size_text, wait_word
from store.queue.backlog import Run
from store.records import Webhook, WebhookStatus
from tui.cells import Cell, Column, Row, cut
from tui.key_names import with_key
from tui.widgets.live_table import Key
from tui.widgets.panel import Offer
from tui.wording import (
    Condition,
    coarse_age,
    condition_cell,
    condition_of,
    countdown,
    result_cell,
    steady_condition_of,
    time_left,
)

COLUMNS = (
    Column("state", "State", 10),
    Column("type", "Type", 14, from_width=70),
    Column("receiver", "Receiver", 0),
    Column("url", "URL", 44, from_width=176, sortable=False),
    Column("waiting", "Waiting", 9, right=True),
    Column("last", "Last", 12),
    Column("next", "Next", 8, right=True),
    Column("oldest", "Oldest", 7, right=True, from_width=98),
    Column("interval", "Interval", 9, right=True, from_width=108),
    Column("strip", "Last 20", 20, from_width=116, sortable=False),
)
STRIP_GOOD, STRIP_BAD = "▂", "▇"
NAMED, LONGEST_NAME = 3, 24
Results = Sequence[int | None]


def matches(status: WebhookStatus, wanted: str) -> bool:
    """Return True if a row holds the filter's text, or with `!` before it if it does not.

    A webhook that fails is found as failing during its next attempt, too.
    """
    text = wanted.strip().lower()
    inverse = text.startswith("!")
    fields = status.webhook.fields
    conditions = (condition_of(status), steady_condition_of(status))
    states = " ".join(condition_cell(condition).text for condition in conditions)
    hay = f"{status.webhook.id} {fields.name or ''} {fields.url} {fields.type.title} {states}"
    return (text.lstrip("!").strip() in hay.lower()) != inverse


def receiver_of(webhook: Webhook) -> str:
    """Return the webhook's name, or its host and path."""
    return webhook.fields.name or receiver(webhook.fields.url).removeprefix("http://")


def receivers_of(statuses: Sequence[WebhookStatus]) -> dict[int, str]:
    """Return the names or receivers of webhooks by their ids."""
    return {status.webhook.id: receiver_of(status.webhook) for status in statuses}


def names_of(statuses: Sequence[WebhookStatus]) -> str:
    """Return the first few webhooks by their names or receivers, and how many more there are."""
    named = [cut(receiver_of(status.webhook), LONGEST_NAME) for status in statuses[:NAMED]]
    more = len(statuses) - NAMED
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")


def row_of(status: WebhookStatus, report: Report, results: Results) -> Row:
    """Return the cells of a webhook, in the order of COLUMNS."""
    fields = status.webhook.fields
    since_ms, waiting = status.waiting_since_ms, undelivered(status)
    return (
        condition_cell(condition_of(status)),
        Cell(fields.type.title),
        Cell(receiver_of(status.webhook)),
        Cell(receiver(fields.url), "dim"),
        Cell(f"{waiting:,}", "plain" if waiting else "dim"),
        _last(status, report),
        _next(status, report),
        Cell("-", "dim") if since_ms is None else Cell(coarse_age(report.now_ms - since_ms)),
        Cell(format_duration(interval_of(status, report.settings.interval_ms)), "dim"),
        Cell(strip_of(results), "dim"),
    )


def strip_of(results: Results) -> str:
    """Return a block for each attempt, low if it was delivered and high if it failed."""
    return "".join(STRIP_GOOD if _taken(status) else STRIP_BAD for status in results)


def facts_of(status: WebhookStatus, report: Report, results: Results) -> Text:
    """Return three lines: why it is not sent yet, what waits, how the last attempts went.

    What may be long and is shown elsewhere too stands last, since lines are cut at their end.
    """
    where = receiver(status.webhook.fields.url)
    return Text(
        "\n".join(
            safe(line, 400)
            for line in (
                f"{_reason(status, report)} · webhook {status.webhook.id} · {where}",
                _waiting_line(status, report),
                _results_line(status, report, results),
            )
        ),
        no_wrap=True,
        overflow="ellipsis",
    )


def empty_list(key_of: Callable[[str], str]) -> str:
    """Return the text that is shown while there are no webhooks."""
    add, palette = key_of("webhooks.add"), key_of("palette")
    press = f"Press  {add}" if add else f"Press  {palette}  and type  add webhook"
    sources = key_of("admin.sources")
    way = f"{sources}  leads" if sources else f"{palette}  and  sources  lead"
    return (
        "No webhooks yet.\n"
        f"{press}  to add the first one: choose what to send and where.\n"
        f"{way} to the sources, where events come from.\n"
        "Just looking? Quit and run  tocsin demo ."
    )


def title_of(
    shown: int,
    total: int,
    *,
    only_faults: bool,
    marks: set[Key],
    keys: Iterable[Key],
    key_of: Callable[[str], str],
) -> tuple[str, Offer]:
    """Return the title of the list, with how many rows it has, and the offer beside it.

    Of the rows with `marks` only those of `keys` are in sight; nothing is done to the others.
    """
    parts = ["Webhooks", str(total) if shown == total else f"{shown} of {total}"]
    if only_faults:
        parts.append("faults only")
    marked = len(marks.intersection(keys))
    hidden = len(marks) - marked
    if marks:
        spared = f" and {hidden} hidden, which stay as they are" if hidden else ""
        parts.append(f"{marked} marked{spared}")
        offer = Offer(with_key("unmark", key_of("back")), "back")
    else:
        offer = Offer(with_key("+ add", key_of("webhooks.add")), "add")
    return " ── ".join(parts), offer


def sending_notice(runs: Mapping[int, Run], report: Report) -> str:
    """Return the notice after "send now": what is sent, and why some of it is not."""
    started = [status for status in report.overview.webhooks if status.webhook.id in runs]
    free = [status for status in started if hindrance(status, report.sending_state) is None]
    prefix = f"{free[0].webhook.named}: " if len(free) == 1 else ""
    parts = [prefix + _sent_now([runs[status.webhook.id] for status in free])] if free else []
    held = [status for status in started if status not in free]
    if held:
        events = sum(runs[status.webhook.id].events for status in held)
        names = held[0].webhook.named if len(held) == 1 else counted(len(held), "webhook")
        why = hindrance(held[0], report.sending_state)
        parts.append(f"{counted(events, 'event')} of {names} {wait_word(events)} on: {why}")
    return "; ".join(parts)


def _sent_now(runs: Sequence[Run]) -> str:
    """Return how many events are sent now; those queued behind a delivery wait for its 2XX."""
    going = sum(run.pending or run.queued for run in runs)
    behind = sum(run.queued for run in runs if run.pending)
    if not going:
        return "nothing waits to be sent"
    go, it = ("goes", "it is") if going == 1 else ("go", "they are")
    later = f"; {counted(behind, 'event')} behind when {it} delivered" if behind else ""
    return f"{counted(going, 'event')} {go} now{later}"


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
        return hindrance(status, report.sending_state) or _nothing_waits(status)
    if waits.next_ms is None:
        return waits.reason
    return f"{waits.reason}, {time_left(waits.next_ms, report.now_ms)}"


def _nothing_waits(status: WebhookStatus) -> str:
    if status.quarantined_events:
        kept = f"{status.quarantined_events:,} in quarantine"
        return (
            f"delivered but for {kept}"
            if status.delivered_events
            else f"none delivered yet, {kept}"
        )
    return "all is delivered" if status.delivered_events else "no event has come yet"


def _waiting_line(status: WebhookStatus, report: Report) -> str:
    waiting = undelivered(status)
    if not waiting:
        return f"nothing waits · {counted(status.delivered_events, 'event')} delivered so far"
    parts = [f"{counted(waiting, 'event')} {wait_word(waiting)}: {_sealed_and_queued(status)}"]
    if status.waiting_since_ms is not None:
        parts.append(f"oldest {coarse_age(report.now_ms - status.waiting_since_ms)}")
    return " · ".join(parts)


def _sealed_and_queued(status: WebhookStatus) -> str:
    """Return how many events are sealed in the pending delivery, and how many are queued."""
    pending = status.pending
    if pending is None:
        return "queued"
    sealed = f"in {pending.id[:12]}… ({size_text(pending.bytes)})"
    return f"{pending.events:,} {sealed}, {status.queued:,} queued" if status.queued else sealed


def _results_line(status: WebhookStatus, report: Report, results: Results) -> str:
    pending = status.pending
    words = report.overview.last_words.get(pending.id) if pending is not None else None
    good = sum(map(_taken, results))
    parts = [f"last {len(results)}: {good} delivered, {len(results) - good} failed"]
    parts = [*quarantine_words([status]), *(parts if results else []), *([words] if words else [])]
    if results:
        parts.append(strip_of(results))
    return " · ".join(parts) or "no attempt yet"


def _taken(status: int | None) -> bool:
    return status is not None and is_success(status)
