"""A test of a webhook, and its line in the audit trail, also where nobody waits for its end."""

from __future__ import annotations

import asyncio

from delivery.outcome import Outcome
from delivery.trial import send_test
from domain.settings import Settings
from domain.urls import mask_url
from store.audit import note_alone
from store.records import Webhook
from tui.desk import Desk

LEFT = "left before its end"


async def try_out(desk: Desk, webhook: Webhook, settings: Settings) -> Outcome:
    """Send the test and record that it was sent; what came of it. Raises Refused."""
    try:
        outcome = await send_test(webhook, settings, desk.now_ms(), desk.random_bytes)
    except asyncio.CancelledError:
        await _note(desk, webhook, None, LEFT)
        raise
    await _note(desk, webhook, outcome.status, outcome.error)
    return outcome


async def _note(desk: Desk, webhook: Webhook, status: int | None, error: str | None) -> None:
    await desk.change(
        note_alone,
        action="webhook.test",
        webhook_id=webhook.id or None,
        url=mask_url(webhook.fields.url),
        status=status,
        error=error,
    )
