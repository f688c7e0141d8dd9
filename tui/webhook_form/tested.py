"""The test of a webhook that is not saved yet."""

from __future__ import annotations

from rich.text import Text

from delivery.outcome import Outcome
from domain.safe import safe
from domain.settings import Settings
from domain.words import span_text
from store.records import Webhook
from tui.desk import Desk, Refused
from tui.webhook_form.testing import try_out

ANSWER_SHOWN = 500


async def tried_out(desk: Desk, webhook: Webhook, settings: Settings) -> Text:
    """Send the test with what the form says; what came of it."""
    try:
        return outcome_text(await try_out(desk, webhook, settings))
    except Refused as refused:
        return Text(safe(str(refused)))


def outcome_text(outcome: Outcome) -> Text:
    """The verdict, the time it took, and the start of the answer."""
    mark, verdict = ("✓", "delivered") if outcome.delivered else ("✗", "not delivered")
    line = f"{mark} {verdict}: {safe(outcome.detail)}, after {span_text(outcome.duration_ms)}"
    text = Text().append(line, "bold")
    answer = safe(outcome.answer_body, ANSWER_SHOWN, keep_newlines=True).strip("\n")
    return text.append(f"\n{answer}") if answer else text
