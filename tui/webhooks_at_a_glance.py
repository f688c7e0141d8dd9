"""All webhooks in one line of the Administration panel, and in a few: what waits, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from delivery.report import Report, undelivered, undelivered_events
from domain.words import counted, second_text, wait_word
from store.records import WebhookStatus
from tui.widgets.columns import Cell
from tui.words import Condition, steady_condition_of

NAMED = 3
"""So many webhooks are told by name."""


def webhooks_cell(report: Report) -> Cell:
    """How many there are, how many fail, how many events wait, and which are held on purpose."""
    every = report.overview.webhooks
    if not every:
        return Cell("none yet: open the list to add the first", "warning")
    faulty = _faulty(every)
    count = f"✗ {len(faulty)} of {len(every)} failing" if faulty else str(len(every))
    text = " · ".join([count, *_what_waits(report)])
    return Cell(text, "bad" if faulty or report.paused else "plain")


def webhooks_facts(report: Report) -> str:
    """Why something waits; or what the list is for."""
    told = " ".join((*_all_paused(report), *_failing(report), *_inactive(report)))
    return told or "Who is sent which events, how it goes, and what waits. Enter opens the list."


def _what_waits(report: Report) -> Iterator[str]:
    waiting, inactive = undelivered_events(report), _with_state(report, active=False)
    held, aside = sum(map(undelivered, inactive)), _in_quarantine(report)
    if report.paused is not None:
        yield "‖ all paused"
    if waiting or not (held or aside):
        yield f"{waiting:,} waiting" if waiting else _nothing_waits(report)
    if inactive:
        holding = "holds" if len(inactive) == 1 else "hold"
        yield f"‖ {len(inactive)} inactive" + (f" {holding} {held:,}" if held else "")
    if aside:
        yield f"{aside:,} in quarantine"


def _nothing_waits(report: Report) -> str:
    delivered = any(one.delivered_events for one in report.overview.webhooks)
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
        events = sum(map(undelivered, faulty))
        yield f"Failing: {_names(faulty)}; {counted(events, 'event')} {wait_word(events)} there."


def _inactive(report: Report) -> Iterator[str]:
    holding = [one for one in _with_state(report, active=False) if undelivered(one)]
    if holding:
        events = sum(map(undelivered, holding))
        yield (
            f"Inactive: {_names(holding)}; {counted(events, 'event')} {wait_word(events)} there "
            "until made active in the list."
        )


def _faulty(statuses: Sequence[WebhookStatus]) -> list[WebhookStatus]:
    return [one for one in statuses if steady_condition_of(one) <= Condition.FAILING]


def _with_state(report: Report, *, active: bool) -> list[WebhookStatus]:
    return [one for one in report.overview.webhooks if one.webhook.fields.active == active]


def _in_quarantine(report: Report) -> int:
    return sum(one.quarantined_events for one in report.overview.webhooks)


def _names(statuses: Sequence[WebhookStatus]) -> str:
    """The first few by name."""
    named = [one.webhook.fields.name or str(one.webhook.id) for one in statuses[:NAMED]]
    more = len(statuses) - NAMED
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")
