"""Question before the terminal is left, with what would not be done then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace
from textual.screen import Screen

from delivery.report import Report, undelivered_events
from domain.wording import counted
from store.workers import has_no_process
from tui.questions import Question
from tui.screens.base import TocsinScreen

QUIT = "Quit? "
KEPT = "What you typed is kept as your draft and offered next time."
PARTLY_KEPT = "What you typed last is lost; the draft from before it is offered next time."
LOST = "What you typed is lost."


def reason_to_stay(screens: Sequence[Screen[Any]]) -> str:
    """Return a sentence of what must not be cut off now; "" if there is nothing."""
    saving = (screen.busy_notice for screen in screens if isinstance(screen, TocsinScreen))
    return next(filter(None, saving), "")


def question_before_leaving(
    report: Report | None,
    own_worker: str | None,
    screens: Sequence[Screen[Any]],
    *,
    changes: int = 0,
    keys: int = 0,
) -> Question | None:
    """Return the question, if something would not be done, saved or sent by anybody; else None.

    `changes` is the number of changes that wait, `keys` that of keys that were dropped.
    """
    reasons = (
        _question_of_changes(changes),
        _question_of_keys(keys),
        _question_of_sending(report, own_worker),
    )
    question = _in_one([question for question in reasons if question is not None])
    fates = (screen.unsaved_notice for screen in screens if isinstance(screen, TocsinScreen))
    fate = next(filter(None, fates), "")
    if not fate:
        return question
    if question is None:
        return Question("Quit without saving?", (fate,), yes="Quit")
    return replace(question, lines=(*question.lines, f"The form is not saved. {fate}"))


def _in_one(questions: Sequence[Question]) -> Question | None:
    """Return the first question, with the others as its lines."""
    if not questions:
        return None
    first, *others = questions
    more = [
        line for question in others for line in (question.text.removeprefix(QUIT), *question.lines)
    ]
    return replace(first, lines=(*first.lines, *more))


def _question_of_changes(changes: int) -> Question | None:
    if not changes:
        return None
    text = f"{counted(changes, 'change')} you asked for {_be(changes)} not done yet."
    line = "What has not begun by then will not be done."
    return Question(f"{QUIT}{text}", (line,), yes="Quit")


def _question_of_keys(keys: int) -> Question | None:
    if not keys:
        return None
    dropped = f"{counted(keys, 'key')} pressed before {_be(keys)} dropped"
    return Question(f"{QUIT}{dropped}: the rows are not read yet.", yes="Quit")


def _be(count: int) -> str:
    return "is" if count == 1 else "are"


def _question_of_sending(report: Report | None, own_worker: str | None) -> Question | None:
    if report is None or own_worker is None:
        return None
    others = [worker for worker in report.overview.workers if worker.id != own_worker]
    if any(not report.is_old(worker) and not has_no_process(worker) for worker in others):
        return None
    waiting = undelivered_events(report)
    if not waiting:
        return None
    lines = _what_stops(report, waiting)
    return Question(f"{QUIT}No other worker is alive.", lines, yes="Quit")


def _what_stops(report: Report, waiting: int) -> tuple[str, ...]:
    lines = [
        "Nothing is sent until a worker runs again: tocsin, or tocsin worker.",
        f"{counted(waiting, 'event')} {'waits' if waiting == 1 else 'wait'} for it.",
    ]
    active = sum(source.active for source in report.added_sources)
    if active:
        lines.append(f"Until then {counted(active, 'source')} will make no event.")
    return tuple(lines)
