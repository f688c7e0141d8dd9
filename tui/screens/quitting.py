"""What is asked before the terminal is left."""

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

QUIT_ASKED = "Quit? "
KEPT = "What you typed is kept as your draft and offered next time."
LOST = "What you typed is lost."


def reason_to_stay(screens: Sequence[Screen[Any]]) -> str:
    """What must not be cut off now, as a sentence; "" if there is nothing."""
    saving = (one.under_way for one in screens if isinstance(one, TocsinScreen))
    return next(filter(None, saving), "")


def question_before_leaving(
    report: Report | None,
    own_worker: str | None,
    screens: Sequence[Screen[Any]],
    *,
    changes: int = 0,
    keys: int = 0,
) -> Question | None:
    """Ask if something would not be done, or not be saved, or if nobody sends what waits then.

    `changes` were asked for and are not done; `keys` were pressed and came to nothing.
    """
    reasons = (
        _question_of_changes(changes),
        _question_of_keys(keys),
        _question_of_sending(report, own_worker),
    )
    question = _in_one([one for one in reasons if one is not None])
    fates = (one.fate_of_typed for one in screens if isinstance(one, TocsinScreen))
    fate = next(filter(None, fates), "")
    if not fate:
        return question
    if question is None:
        return Question("Quit without saving?", (fate,), yes="Quit")
    return replace(question, lines=(*question.lines, f"The form is not saved. {fate}"))


def _in_one(questions: Sequence[Question]) -> Question | None:
    """The first of them, with what the others say in its lines."""
    if not questions:
        return None
    first, *others = questions
    more = [line for one in others for line in (one.text.removeprefix(QUIT_ASKED), *one.lines)]
    return replace(first, lines=(*first.lines, *more))


def _question_of_changes(changes: int) -> Question | None:
    if not changes:
        return None
    asked = f"{counted(changes, 'change')} you asked for {_be(changes)} not done yet."
    line = "What has not begun by then will not be done."
    return Question(f"{QUIT_ASKED}{asked}", (line,), yes="Quit")


def _question_of_keys(keys: int) -> Question | None:
    if not keys:
        return None
    dropped = f"{counted(keys, 'key')} pressed before {_be(keys)} dropped"
    return Question(f"{QUIT_ASKED}{dropped}: the rows are not read yet.", yes="Quit")


def _be(count: int) -> str:
    return "is" if count == 1 else "are"


def _question_of_sending(report: Report | None, own_worker: str | None) -> Question | None:
    if report is None or own_worker is None:
        return None
    others = [one for one in report.overview.workers if one.id != own_worker]
    if any(not report.is_old(one) and not has_no_process(one) for one in others):
        return None
    waiting = undelivered_events(report)
    if not waiting:
        return None
    lines = _what_stops(report, waiting)
    return Question(f"{QUIT_ASKED}No other worker is alive.", lines, yes="Quit")


def _what_stops(report: Report, waiting: int) -> tuple[str, ...]:
    lines = [
        "Nothing is sent until a worker runs again: tocsin, or tocsin worker.",
        f"{counted(waiting, 'event')} {'waits' if waiting == 1 else 'wait'} for it.",
    ]
    active = sum(one.active for one in report.added_sources)
    if active:
        lines.append(f"Until then {counted(active, 'source')} will make no event.")
    return tuple(lines)
