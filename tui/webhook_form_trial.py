"""The test of a webhook that is not saved yet."""

from __future__ import annotations

from rich.text import Text

from delivery.outcome import Outcome
from delivery.trial import send_test
from domain.safe import safe
from domain.settings import Settings
from domain.urls import mask_url
from domain.words import span_text
from store.audit import note_alone
from store.records import Webhook
from tui.desk import Desk, Refused

ANSWER_SHOWN = 500


async def tried_out(desk: Desk, webhook: Webhook, settings: Settings) -> Text:
    """Send the test with what the form says and record that it was sent; what came of it."""
    try:
        return outcome_text(await _try_out(desk, webhook, settings))
    except Refused as refused:
        return Text(safe(str(refused)))


async def _try_out(desk: Desk, webhook: Webhook, settings: Settings) -> Outcome:
    outcome = await send_test(webhook, settings, desk.now_ms(), desk.random_bytes)
    await desk.change(
        note_alone,
        action="webhook.test",
        webhook_id=webhook.id or None,
        url=mask_url(webhook.fields.url),
        status=outcome.status,
        error=outcome.error,
    )
    return outcome


def outcome_text(outcome: Outcome) -> Text:
    """The verdict, the time it took, and the start of the answer."""
    mark, verdict = ("✓", "delivered") if outcome.delivered else ("✗", "not delivered")
    line = f"{mark} {verdict}: {safe(outcome.detail)}, after {span_text(outcome.duration_ms)}"
    text = Text().append(line, "bold")
    answer = safe(outcome.answer_body, ANSWER_SHOWN, keep_newlines=True).strip("\n")
    return text.append(f"\n{answer}") if answer else text
