"""All sources in one line of the Administration panel, and in a few: what fails, and why."""

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
"""One sentence stands on the panel once, among all that is wrong."""


def sources_cell(report: Report) -> Cell:
    """How many are active, which fail, and whether anybody runs them."""
    every = report.added_sources
    failing, warned = _of_state(report.overview.sources, "failing"), _warned(report)
    if not every and not failing and not warned:
        return Cell("none yet: open the list to add the first", "dim")
    text = " · ".join(_parts(every, failing or warned, report))
    if failing:
        return Cell(text, "bad")
    idle = not report.worker_alive and any(one.active for one in every)
    return Cell(text, "warning" if warned or idle else "plain")


def host_source(overview: Overview) -> StoredSource | None:
    """The source that watches this host, if there is one."""
    return next(
        (one for one in overview.sources if (one.name, one.kind) == (LOCAL, WIREGUARD)), None
    )


def wireguard_cell(report: Report) -> Cell:
    """Whether this host's WireGuard is watched, and what goes wrong with that."""
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
    """What comes of this host's WireGuard, or why nothing does."""
    source = host_source(report.overview)
    if source is None or not source.active:
        return "Handshakes of this host become no events."
    if source.error is not None:
        return f"{BELOW}, for {_ago(source, report)}."
    looked = source.last_ok_ms
    last = f", last read {coarse_age(report.now_ms - looked)} ago" if looked else ""
    return f"{counted(source.accepted_events, 'event')} from it so far{last}."


def sources_facts(report: Report) -> str:
    """Which of them are not well, and what they are for."""
    every = report.overview.sources
    wrong = ", ".join(one.name for one in every if one.active and one.error is not None)
    told = f"{BELOW}: {wrong}. " if wrong else ""
    return (
        f"{told}Where events come from: the WireGuard of this host and of others, logins, programs."
    )


def _parts(
    every: Sequence[StoredSource], wrong: Sequence[StoredSource], report: Report
) -> Iterator[str]:
    active, inactive = _of_state(every, "active"), _of_state(every, "inactive")
    if active:
        alive = "" if report.worker_alive else ", but no worker runs them"
        yield f"{len(active)} active{alive}"
    for one in wrong[:1]:
        glyph, state = ("✗", f"{len(wrong)} failing: ") if one.failures else ("▲", "")
        yield f"{glyph} {state}{one.name}: {one.error}"
    if inactive:
        yield f"‖ {len(inactive)} inactive"


def _of_state(every: Sequence[StoredSource], state: str) -> list[StoredSource]:
    return [one for one in every if one.state == state]


def _warned(report: Report) -> list[StoredSource]:
    """Those that work, though not all is as it should be."""
    return [
        one for one in report.overview.sources if one.state == "active" and one.error is not None
    ]


def _ago(source: StoredSource, report: Report) -> str:
    return coarse_age(report.now_ms - (source.error_ms or report.now_ms))
