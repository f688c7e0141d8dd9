"""The Administration panel: how each of its parts does, in a line and in a few."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text

from delivery.problems import problems
from delivery.report import Report, undelivered_events
from domain.safe import safe
from domain.words import counted, span_text
from sources.wireguard.source import WireGuardSource
from store.records import Change, StoredSource
from tui.change_rows import told_in_short
from tui.widgets.columns import Cell, Column, Row
from tui.words import Condition, coarse_age, condition_of, worker_line

COLUMNS = (
    Column("key", "", 1, sortable=False),
    Column("part", "Part", 22, sortable=False),
    Column("state", "State", 0, sortable=False),
)
WEBHOOKS, WIREGUARD, WORKER, AUDIT = PARTS = ("webhooks", "wireguard", "worker", "audit")
_NAMES = {
    WEBHOOKS: ("b", "Webhooks"),
    WIREGUARD: ("w", "This host's WireGuard"),
    WORKER: ("s", "Worker and settings"),
    AUDIT: ("a", "Audit"),
}
UNWATCHED_AFTER_INTERVALS = 3
SHOWN_PROBLEMS = 20
LONGEST_PROBLEM = 600


@dataclass(frozen=True, slots=True)
class Seen:
    """All that the panel tells of."""

    report: Report
    own_worker: str | None
    trouble: str | None
    newest: Change | None


def rows_of(seen: Seen) -> dict[object, Row]:
    """A row for each part."""
    states = {
        WEBHOOKS: _webhooks(seen.report),
        WIREGUARD: wireguard_cell(seen.report),
        WORKER: _worker(seen),
        AUDIT: _audit(seen),
    }
    return {
        part: (Cell(_NAMES[part][0], "busy"), Cell(_NAMES[part][1]), states[part]) for part in PARTS
    }


def facts_of(part: str, seen: Seen) -> str:
    """What the selected part is for, and what is wrong with it."""
    if part == WEBHOOKS:
        return "Who is sent which events, how it goes, and what waits. Enter opens the list."
    if part == WIREGUARD:
        return _wireguard_facts(seen.report)
    if part == WORKER:
        return (
            "Who sends and who stands by, pausing all of it, intervals, limits, retention, "
            "colours. Enter opens it."
        )
    return "Who changed what, when and from where. Enter opens the list."


def problems_of(report: Report, worker_trouble: str | None = None) -> Text:
    """What is wrong with this terminal's worker and with the store; or that nothing is."""
    found = [*([worker_trouble] if worker_trouble else []), *problems(report)]
    if not found:
        return Text("✓ nothing is wrong")
    text = Text()
    for problem in found[:SHOWN_PROBLEMS]:
        text.append(f"✗ {safe(problem, LONGEST_PROBLEM)}\n")
    more = len(found) - SHOWN_PROBLEMS
    text.append(f"  and {more} more: `tocsin status`" if more > 0 else "")
    text.rstrip()
    return text


def _webhooks(report: Report) -> Cell:
    conditions = [condition_of(one) for one in report.overview.webhooks]
    if not conditions:
        return Cell("none yet: enter, then a, adds the first", "warning")
    bad = (
        (conditions.count(Condition.BLOCKED), "blocked"),
        (conditions.count(Condition.FAILING), "failing"),
    )
    faults = [f"✗ {count} {word}" for count, word in bad if count]
    waiting = undelivered_events(report)
    queue = f"{counted(waiting, 'event')} to send" if waiting else "all is delivered"
    inactive = conditions.count(Condition.INACTIVE)
    paused = [f"‖ {inactive} inactive"] if inactive else []
    text = " · ".join([str(len(conditions)), *faults, *paused, queue])
    return Cell(text, "bad" if faults else "plain")


def health_of_wireguard(report: Report) -> StoredSource | None:
    """How the source does, if it was ever watched."""
    return next((one for one in report.overview.sources if one.kind == WireGuardSource.kind), None)


def wireguard_cell(report: Report) -> Cell:
    """Off, on or error, and since when."""
    health = health_of_wireguard(report)
    if not report.settings.wireguard:
        return _watched_otherwise(report, health) or Cell("off", "dim")
    if health is not None and health.error is not None:
        return Cell(f"✗ error: {health.error}", "bad")
    if not report.worker_alive:
        return Cell("▲ on, but there is no worker to watch it", "warning")
    return Cell(f"✓ on{_looked(report, health)}", "good")


def _watched_otherwise(report: Report, health: StoredSource | None) -> Cell | None:
    """A `tocsin source run`, or a worker that was given `--source`, asks no setting."""
    if health is None or health.last_ok_ms is None:
        return None
    longest_ms = UNWATCHED_AFTER_INTERVALS * report.settings.wireguard_every_ms
    if report.now_ms - health.last_ok_ms > longest_ms:
        return None
    return Cell(f"✓ watched by a command{_looked(report, health)}", "good")


def _looked(report: Report, health: StoredSource | None) -> str:
    if health is None or health.last_ok_ms is None:
        return ""
    age = coarse_age(report.now_ms - health.last_ok_ms)
    return f" · {counted(health.accepted_events, 'event')} so far · looked {age} ago"


def _wireguard_facts(report: Report) -> str:
    every = span_text(report.settings.wireguard_every_ms)
    what = (
        f"`{report.settings.wireguard_command}` every {every}: each new handshake of a peer "
        "becomes an Endpoint Stats event."
    )
    if not report.settings.wireguard:
        return f"{what} w switches it on, after asking."
    health = health_of_wireguard(report)
    if health is not None and health.error is not None:
        return f"{health.error} ({coarse_age(report.now_ms - (health.error_ms or 0))} ago)"
    return f"{what} w switches it off, after asking."


def _worker(seen: Seen) -> Cell:
    told = worker_line(seen.report, seen.trouble, seen.own_worker)
    others = sum(not one.active for one in seen.report.overview.workers)
    return Cell(f"{told.text} · {others} standing by" if others else told.text, told.tone)


def _audit(seen: Seen) -> Cell:
    if seen.newest is None:
        return Cell("nothing was changed yet", "dim")
    age = coarse_age(seen.report.now_ms - seen.newest.at_ms)
    return Cell(f"{age} ago {told_in_short(seen.newest)}")
