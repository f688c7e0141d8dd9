"""What is asked before the terminal is left."""

from __future__ import annotations

from delivery.report import Report, undelivered_events
from domain.words import counted
from store.workers import has_no_process
from tui.screens.confirm import Question


def question_before_leaving(report: Report | None, own_worker: str | None) -> Question | None:
    """Ask if events will wait because nobody sends after this terminal's worker has gone."""
    if report is None or own_worker is None:
        return None
    others = [one for one in report.overview.workers if one.id != own_worker]
    waiting = undelivered_events(report)
    alive = [one for one in others if not report.is_old(one) and not has_no_process(one)]
    if not waiting or alive:
        return None
    return Question(
        "Quit? No other worker is alive.",
        (f"{counted(waiting, 'event')} will wait until one is started.",),
        yes="Quit",
    )
