"""The request of a delivery as it is shown: headers and the URL's query masked, no signature."""

from __future__ import annotations

from dataclasses import dataclass

from delivery.request import request_headers
from domain.masks import mask_value
from domain.urls import mask_url
from store import webhooks
from store.records import Attempt, Delivery, Webhook
from tui.desk import Desk, Refused

SIGNED = "v1,…"


@dataclass(frozen=True, slots=True)
class ShownRequest:
    """Where to, with which headers; `note` says what may have been otherwise."""

    url: str
    headers: tuple[tuple[str, str], ...]
    note: str = ""


async def read_request(desk: Desk, one: Delivery, attempt: Attempt | None) -> ShownRequest:
    """The request of an attempt, or of the next one. Raises Refused if nothing tells where to."""
    webhook = await _webhook(desk, one.webhook_id)
    if webhook is None and attempt is None:
        raise Refused(f"webhook {one.webhook_id} is deleted: nothing tells where this was to go")
    return shown_request(one, webhook, attempt, desk.now_ms())


def shown_request(
    one: Delivery, webhook: Webhook | None, attempt: Attempt | None, now_ms: int
) -> ShownRequest:
    """What is known of a request: headers are kept only as they are now."""
    admin = webhook.fields.headers if webhook is not None else ()
    at_ms = attempt.started_ms if attempt is not None else now_ms
    headers = request_headers(
        one.id,
        b"",
        admin_headers=[(name, mask_value(value)) for name, value in admin],
        secrets=(),
        now_ms=at_ms,
    )
    if webhook is not None and webhook.secrets is not None:
        headers.append(("webhook-signature", SIGNED))
    url = attempt.url if attempt is not None else webhook.fields.url if webhook else ""
    return ShownRequest(mask_url(url), tuple(headers), _note(webhook, attempt))


def _note(webhook: Webhook | None, attempt: Attempt | None) -> str:
    if webhook is None:
        return "its webhook is deleted: the headers are not known any more"
    if not webhook.readable:
        return "its headers cannot be read: put the right key file back"
    if attempt is not None and attempt.revision != webhook.revision:
        return f"edited since (revision {attempt.revision}): the headers are those of now"
    return ""


async def _webhook(desk: Desk, webhook_id: int) -> Webhook | None:
    try:
        return await desk.read(webhooks.find, webhook_id, desk.store.vault)
    except Refused:
        return None
