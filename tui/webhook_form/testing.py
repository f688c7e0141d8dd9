"""A test of a webhook from the screen, and its line in the audit trail."""

from __future__ import annotations

from functools import partial

from delivery.outcome import Outcome
from delivery.trial import noted_test
from domain.settings import Settings
from store.audit import note_alone
from store.records import Webhook
from tui.desk import Desk


async def try_out(desk: Desk, webhook: Webhook, settings: Settings) -> Outcome:
    """Send the test and record that it was sent; what came of it. Raises Refused."""
    note = partial(desk.change, note_alone)
    return await noted_test(webhook, settings, desk.now_ms(), desk.random_bytes, note)
