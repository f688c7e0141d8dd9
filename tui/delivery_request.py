"""The request of a delivery, read for the screen."""

from __future__ import annotations

from delivery.shown_request import NOWHERE, ShownRequest, shown_request
from store import webhooks
from store.records import Attempt, Delivery, Webhook
from tui.desk import Desk, Refused


async def read_request(desk: Desk, one: Delivery, attempt: Attempt | None) -> ShownRequest:
    """The request of an attempt, or of the next one. Raises Refused if nothing tells where to."""
    webhook = await _webhook(desk, one.webhook_id)
    if webhook is None and attempt is None:
        raise Refused(f"webhook {one.webhook_id} is deleted: {NOWHERE}")
    return shown_request(one, webhook, attempt, desk.now_ms())


async def _webhook(desk: Desk, webhook_id: int) -> Webhook | None:
    try:
        return await desk.read(webhooks.find, webhook_id, desk.store.vault)
    except Refused:
        return None
