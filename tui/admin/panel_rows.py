"""Parts of the Administration panel as rows, and the facts of the selected part."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from rich.text import Text

from delivery.problems import TimeWords, copy_notes, problems
from delivery.report import Report
from domain.safe import safe
from store.records import AuditEntry
from store.workers import is_gone
from tui.admin.alert_rows import GeoCoverage, Given, alerts_cell
from tui.admin.audit import change_line
from tui.cells import Cell, Column, Row
from tui.key_names import and_key
from tui.sources.summary import sources_cell, sources_facts, wireguard_cell, wireguard_facts
from tui.webhooks.summary import webhooks_cell, webhooks_facts
from tui.wording import coarse_age, time_left, worker_line

COLUMNS = (
    Column("key", "", 1, sortable=False),
    Column("part", "Part", 21, sortable=False),
    Column("state", "State", 0, sortable=False),
)
PARTS = ("webhooks", "sources", "wireguard", "alerts", "worker", "audit")
WEBHOOKS, SOURCES, WIREGUARD, ALERTS, WORKER, AUDIT = PARTS
_KEYS_AND_NAMES = {
    WEBHOOKS: ("admin.webhooks", "Webhooks"),
    SOURCES: ("admin.sources", "Sources"),
    WIREGUARD: ("admin.wireguard", "This host's WireGuard"),
    ALERTS: ("admin.alerts", "Alerts"),
    WORKER: ("admin.settings", "Worker and settings"),
    AUDIT: ("admin.audit", "Audit"),
}
LIVE = TimeWords(
    to_come=time_left,
    over=lambda time_ms, now_ms: f"{coarse_age(now_ms - time_ms)} ago",
    lasting=lambda time_ms, now_ms: f"for {coarse_age(now_ms - time_ms)}",
)
"""Words for times that move with the clock."""

SHOWN_PROBLEMS = 20
LONGEST_PROBLEM = 600


class PanelState(msgspec.Struct, frozen=True):
    """All that the panel shows; `refused` is why WireGuard could not be switched on."""

    report: Report
    own_worker: str | None
    trouble: str | None
    newest: AuditEntry | None
    alerts: Given | None
    coverage: GeoCoverage | None
    refused: str | None
    key_of: Callable[[str], str]


def rows_of(seen: PanelState) -> dict[object, Row]:
    """Return a row for each part."""
    states = {
        WEBHOOKS: webhooks_cell(seen.report),
        SOURCES: sources_cell(seen.report),
        WIREGUARD: wireguard_cell(seen.report),
        ALERTS: alerts_cell(seen.alerts, seen.coverage),
        WORKER: _worker(seen),
        AUDIT: _audit(seen),
    }
    return {part: (*_key_and_name(part, seen), states[part]) for part in PARTS}


def _key_and_name(part: str, seen: PanelState) -> tuple[Cell, Cell]:
    id_, name = _KEYS_AND_NAMES[part]
    return Cell(seen.key_of(id_), "busy"), Cell(name)


def facts_of(part: str, seen: PanelState) -> str:
    """Return the purpose of a part, and what is wrong with it."""
    if part == WEBHOOKS:
        return webhooks_facts(seen.report)
    if part == SOURCES:
        return sources_facts(seen.report)
    if part == WIREGUARD:
        return _wireguard_facts(seen)
    if part == ALERTS:
        return "Which kinds of alerts are raised, how dangerous, and from what numbers on."
    if part == WORKER:
        return (
            f"{_worker(seen).text}{_standing_by(seen.report)}. Enter: who sends, pausing all of "
            "it, intervals, limits, retention, colours."
        )
    newest = f"Last: {change_line(seen.newest)}. " if seen.newest is not None else ""
    return f"{newest}Enter: who changed what, when and from where."


def problems_of(report: Report, worker_trouble: str | None = None, gone: str | None = None) -> Text:
    """Return what is wrong with this terminal's worker and with the store; or that nothing is.

    Of a store that is `gone` only that is returned.
    """
    found = [gone] if gone else [*filter(None, [worker_trouble]), *problems(report, LIVE)]
    kept = [] if gone else copy_notes(report)
    text = Text("" if found else "✓ nothing is wrong\n")
    for problem in found[:SHOWN_PROBLEMS]:
        text.append(f"✗ {safe(problem, LONGEST_PROBLEM)}\n")
    more = len(found) - SHOWN_PROBLEMS
    text.append(f"  and {more} more: `tocsin status`\n" if more > 0 else "")
    for note in kept:
        text.append(f"· {safe(note, LONGEST_PROBLEM)}\n")
    text.rstrip()
    return text


def _wireguard_facts(seen: PanelState) -> str:
    if seen.refused is not None:
        return f"Not switched on: {seen.refused}"
    key = seen.key_of("admin.wireguard")
    facts = wireguard_facts(seen.report)
    return and_key(facts, key, "watches this host's WireGuard, or stops that.", " ")


def _worker(seen: PanelState) -> Cell:
    line = worker_line(seen.report, seen.trouble, seen.own_worker)
    return Cell(line.text, line.tone)


def _standing_by(report: Report) -> str:
    """Return how many other workers would go on sending."""
    workers = report.overview.workers
    others = sum(not worker.active and not is_gone(worker, report.now_ms) for worker in workers)
    return f" · {others} standing by" if others else ""


def _audit(seen: PanelState) -> Cell:
    if seen.newest is None:
        return Cell("nothing was changed yet", "dim")
    age = coarse_age(seen.report.now_ms - seen.newest.at_ms)
    return Cell(f"{age} ago {change_line(seen.newest)}")
