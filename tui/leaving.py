"""What is asked before the terminal is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from textual.screen import Screen

from delivery.report import Report, undelivered_events
from domain.words import counted
from store.workers import has_no_process
from tui.screens.base import TocsinScreen
from tui.screens.confirm import Question
from tui.sources_at_a_glance import added
from tui.turns import Turns

ASKED = "what you asked for is not done yet: wait for it"
KEPT = "What you typed is kept as your draft and offered next time."
LOST = "What you typed is lost."


def reason_to_stay(screens: Sequence[Screen[Any]], turns: Turns) -> str:
    """What must not be cut off now, as a sentence; "" if there is nothing."""
    saving = (one.under_way for one in screens if isinstance(one, TocsinScreen) and one.under_way)
    return next(saving, ASKED if turns.under_way else "")


def question_before_leaving(
    report: Report | None, own_worker: str | None, screens: Sequence[Screen[Any]]
) -> Question | None:
    """Ask if a form is not saved, or if nobody sends any more after this terminal's worker."""
    question = _question_of_sending(report, own_worker)
    fates = (one.fate_of_typed for one in screens if isinstance(one, TocsinScreen))
    fate = next(filter(None, fates), "")
    if not fate:
        return question
    if question is None:
        return Question("Quit without saving?", (fate,), yes="Quit")
    return replace(question, lines=(*question.lines, f"The form is not saved. {fate}"))


def _question_of_sending(report: Report | None, own_worker: str | None) -> Question | None:
    if report is None or own_worker is None:
        return None
    others = [one for one in report.overview.workers if one.id != own_worker]
    if any(not report.is_old(one) and not has_no_process(one) for one in others):
        return None
    lines = _what_stops(report)
    return Question("Quit? No other worker is alive.", lines, yes="Quit") if lines else None


def _what_stops(report: Report) -> tuple[str, ...]:
    """Nothing where neither a webhook nor a source is there yet."""
    waiting = undelivered_events(report)
    lines = []
    if report.overview.webhooks:
        lines.append("Nothing is sent until a worker runs again: tocsin, or tocsin worker.")
    if waiting:
        lines.append(f"{counted(waiting, 'event')} {'waits' if waiting == 1 else 'wait'} for it.")
    active = sum(one.active for one in added(report))
    if active:
        lines.append(f"Until then {counted(active, 'source')} will make no event.")
    return tuple(lines)
