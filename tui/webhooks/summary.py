"""Summary of all webhooks for the Admin panel: a line, and a few more about what waits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from delivery.report import Report, quarantine_words, undelivered, undelivered_events
from domain.wording import counted, second_text, wait_word
from store.records import WebhookStatus
from tui.cells import Cell
from tui.webhooks.rows import names_of
from tui.wording import Condition, steady_condition_of


def webhooks_cell(report: Report) -> Cell:
    """Return the numbers of webhooks, of those that fail, and of events that wait or are held."""
    every = report.overview.webhooks
    if not every:
        return Cell("none yet: open the list to add the first", "warning")
    faulty = _faulty(every)
    count = f"✗ {len(faulty)} of {len(every)} failing" if faulty else str(len(every))
    text = " · ".join([count, *_waiting_parts(report)])
    return Cell(text, "bad" if faulty or report.paused else "plain")


def webhooks_facts(report: Report) -> str:
    """Return why something waits; or the purpose of the list."""
    facts = " ".join((*_all_paused(report), *_failing(report), *_inactive(report)))
    return facts or "Who is sent which events, how it goes, and what waits. Enter opens the list."


def _waiting_parts(report: Report) -> Iterator[str]:
    waiting, inactive = undelivered_events(report), _inactive_ones(report)
    held, aside = sum(map(undelivered, inactive)), quarantine_words(report.overview.webhooks)
    if report.paused is not None:
        yield f"‖ paused: {waiting:,} waiting"
    elif waiting or not (held or aside):
        yield f"{waiting:,} waiting" if waiting else _nothing_waits(report)
    if inactive:
        yield f"‖ {held:,} held" if held else f"‖ {len(inactive)} inactive"
    yield from aside


def _nothing_waits(report: Report) -> str:
    delivered = any(status.delivered_events for status in report.overview.webhooks)
    return "all is delivered" if delivered else "no event has come yet"


def _all_paused(report: Report) -> Iterator[str]:
    if report.paused is not None:
        waiting = undelivered_events(report)
        since = second_text(report.paused.since_ms)
        yield (
            f"All sending is paused by {report.paused.by} since {since}: "
            f"{counted(waiting, 'event')} {wait_word(waiting)} until you go on, "
            "in Worker and settings."
        )


def _failing(report: Report) -> Iterator[str]:
    faulty = _faulty(report.overview.webhooks)
    if faulty:
        yield f"{len(faulty)} failing, {_events_wait(faulty)}: {names_of(faulty)}."


def _inactive(report: Report) -> Iterator[str]:
    holding = [status for status in _inactive_ones(report) if undelivered(status)]
    if holding:
        yield f"{len(holding)} inactive, {_events_wait(holding)}: {names_of(holding)}."


def _events_wait(statuses: Sequence[WebhookStatus]) -> str:
    events = sum(map(undelivered, statuses))
    return f"{counted(events, 'event')} {wait_word(events)}"


def _faulty(statuses: Sequence[WebhookStatus]) -> list[WebhookStatus]:
    return [status for status in statuses if steady_condition_of(status) <= Condition.FAILING]


def _inactive_ones(report: Report) -> list[WebhookStatus]:
    return [status for status in report.overview.webhooks if not status.webhook.fields.active]
