"""Copies of parts of a delivery: its id, URL, headers, curl command, payload, answer."""

from __future__ import annotations

from collections.abc import Sequence

from delivery.request import NO_URL, ShownRequest, curl, shown_request
from domain.safe import safe
from store import webhooks
from store.queue import deliveries
from store.records import Attempt, Delivery, Webhook
from tui.screens.dialogs import Choice
from tui.state.store_access import Refused, StoreAccess


async def read_request(
    access: StoreAccess, delivery: Delivery, attempt: Attempt | None
) -> ShownRequest:
    """Return the request of an attempt, or the next. Raises Refused if its URL is not known."""
    webhook = await _webhook(access, delivery.webhook_id)
    if webhook is None and attempt is None:
        raise Refused(f"webhook {delivery.webhook_id} is deleted: {NO_URL}")
    return shown_request(delivery, webhook, attempt, access.now_ms())


async def _webhook(access: StoreAccess, webhook_id: int) -> Webhook | None:
    try:
        return await access.read(webhooks.find, webhook_id, access.store.vault)
    except Refused:
        return None


CHOICES = (
    Choice("i", "the id"),
    Choice("u", "the URL, its secrets masked"),
    Choice("h", "the headers of the request, their values masked"),
    Choice("c", "a curl command, its secrets masked"),
    Choice("p", "the payload: the exact body"),
    Choice("a", "the answer to the last attempt"),
)


async def copied_text(access: StoreAccess, chosen: Sequence[Delivery], choice: str) -> str:
    """Return the text to copy: the ids of all, anything else of the first. Raises Refused."""
    first = chosen[0]
    if choice == "i":
        return "\n".join(delivery.id for delivery in chosen)
    if choice == "a":
        return await _answer(access, first)
    if choice == "p":
        return (await access.read(deliveries.body, first.id)).decode()
    request = await read_request(access, first, await last_attempt(access, first))
    if choice == "u":
        return request.url
    if choice == "h":
        return "\n".join(f"{name}: {value}" for name, value in request.headers)
    return curl(request, first, await access.read(deliveries.body, first.id))


async def last_attempt(access: StoreAccess, delivery: Delivery) -> Attempt | None:
    """Return the newest attempt that is recorded. Raises Refused."""
    found = await access.read(deliveries.attempts, delivery.id, limit=1)
    return found[0] if found else None


def answer_text(attempt: Attempt) -> str:
    """Return the headers and the start of the body of an answer, harmless."""
    headers = "\n".join(safe(f"{name}: {value}") for name, value in attempt.answer_headers)
    body = safe(attempt.answer_body, keep_newlines=True)
    return f"{headers}\n\n{body}" if headers and body else headers or body


async def _answer(access: StoreAccess, delivery: Delivery) -> str:
    attempt = await last_attempt(access, delivery)
    if attempt is None:
        raise Refused("there is no answer: it was not tried yet")
    text = answer_text(attempt)
    return f"{attempt.detail}\n{text}" if text else attempt.detail
