"""Pausing all sending: asked, since it stops every webhook; going on is asked by nobody."""

from __future__ import annotations

from delivery.report import Report, undelivered_events
from domain.words import counted, wait_word
from tui.questions import Question


def question_before_pausing(report: Report, key: str) -> Question:
    """What stops, what waits, and how it goes on."""
    active = sum(one.webhook.fields.active for one in report.overview.webhooks)
    waiting = undelivered_events(report)
    return Question(
        "Pause all sending?",
        (
            f"No webhook is sent anything by any process until {f'{key} here, or ' if key else ''}"
            f"`tocsin worker unpause`{',' if key else ''} goes on.",
            f"{counted(active, 'active webhook')}; {counted(waiting, 'event')} "
            f"{wait_word(waiting)} now, and new ones are queued. Nothing is lost.",
        ),
        yes="Pause all",
    )
