"""Summary of all sources for the Administration panel: how many work, and what fails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from delivery.report import Report
from domain.source_kinds import LOCAL, WIREGUARD
from domain.wording import counted
from store.overview import Overview
from store.records import StoredSource
from tui.cells import Cell
from tui.wording import coarse_age

BELOW = "What is wrong is told below"
"""Reference to the problems, which stand below on the panel."""


def sources_cell(report: Report) -> Cell:
    """Return how many are active and fail, and if no worker runs them."""
    every = report.added_sources
    failing, warned = _of_state(report.overview.sources, "failing"), _warned(report)
    if not every and not failing and not warned:
        return Cell("none yet: open the list to add the first", "dim")
    text = " · ".join(_parts(every, failing or warned, report))
    if failing:
        return Cell(text, "bad")
    idle = not report.worker_alive and any(source.active for source in every)
    return Cell(text, "warning" if warned or idle else "plain")


def host_source(overview: Overview) -> StoredSource | None:
    """Return the source that watches this host, if there is one."""
    return next(
        (source for source in overview.sources if (source.name, source.kind) == (LOCAL, WIREGUARD)),
        None,
    )


def wireguard_cell(report: Report) -> Cell:
    """Return if this host's WireGuard is watched, and what goes wrong with that."""
    source = host_source(report.overview)
    if source is None:
        return Cell("off", "dim")
    if not source.active:
        return Cell("‖ off: paused", "dim")
    if source.failures:
        return Cell(f"✗ error: {source.error}", "bad")
    if not report.worker_alive:
        return Cell("▲ on, but no worker runs it", "warning")
    if source.error is not None:
        return Cell(f"▲ on: {source.error}", "warning")
    return Cell("✓ on", "good")


def wireguard_facts(report: Report) -> str:
    """Return what comes of this host's WireGuard, or why nothing does."""
    source = host_source(report.overview)
    if source is None or not source.active:
        return "Handshakes of this host become no events."
    if source.error is not None:
        return f"{BELOW}, for {_ago(source, report)}."
    looked = source.last_ok_ms
    last = f", last read {coarse_age(report.now_ms - looked)} ago" if looked else ""
    return f"{counted(source.accepted_events, 'event')} from it so far{last}."


def sources_facts(report: Report) -> str:
    """Return which sources are not well, and what sources are for."""
    every = report.overview.sources
    wrong = ", ".join(source.name for source in every if source.active and source.error is not None)
    purpose = "Where events come from: the WireGuard of this host and of others, logins, programs."
    return f"{BELOW}: {wrong}. {purpose}" if wrong else purpose


def _parts(
    every: Sequence[StoredSource], wrong: Sequence[StoredSource], report: Report
) -> Iterator[str]:
    active, inactive = _of_state(every, "active"), _of_state(every, "inactive")
    if active:
        alive = "" if report.worker_alive else ", but no worker runs them"
        yield f"{len(active)} active{alive}"
    for source in wrong[:1]:
        glyph, state = ("✗", f"{len(wrong)} failing: ") if source.failures else ("▲", "")
        yield f"{glyph} {state}{source.name}: {source.error}"
    if inactive:
        yield f"‖ {len(inactive)} inactive"


def _of_state(every: Sequence[StoredSource], state: str) -> list[StoredSource]:
    return [source for source in every if source.state == state]


def _warned(report: Report) -> list[StoredSource]:
    """Return sources that work but have a warning."""
    return [
        source
        for source in report.overview.sources
        if source.state == "active" and source.error is not None
    ]


def _ago(source: StoredSource, report: Report) -> str:
    return coarse_age(report.now_ms - (source.error_ms or report.now_ms))
