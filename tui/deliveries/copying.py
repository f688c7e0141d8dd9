"""Copies of parts of a delivery: its id, URL, headers, curl command, payload, answer."""

from __future__ import annotations

from collections.abc import Sequence

from delivery.testing import NO_URL, ShownRequest, curl, shown_request
from domain.safe import safe
from store import deliveries, webhooks
from store.records import Attempt, Delivery, Webhook
from tui.screens.dialogs import Choice
from tui.state.store_access import Desk, Refused


async def read_request(desk: Desk, delivery: Delivery, attempt: Attempt | None) -> ShownRequest:
    """Return the request of an attempt, or the next. Raises Refused if its URL is not known."""
    webhook = await _webhook(desk, delivery.webhook_id)
    if webhook is None and attempt is None:
        raise Refused(f"webhook {delivery.webhook_id} is deleted: {NO_URL}")
    return shown_request(delivery, webhook, attempt, desk.now_ms())


async def _webhook(desk: Desk, webhook_id: int) -> Webhook | None:
    try:
        return await desk.read(webhooks.find, webhook_id, desk.store.vault)
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


async def copied_text(desk: Desk, chosen: Sequence[Delivery], choice: str) -> str:
    """Return the text to copy: the ids of all, anything else of the first. Raises Refused."""
    first = chosen[0]
    if choice == "i":
        return "\n".join(delivery.id for delivery in chosen)
    if choice == "a":
        return await _answer(desk, first)
    if choice == "p":
        return (await desk.read(deliveries.body, first.id)).decode()
    request = await read_request(desk, first, await last_attempt(desk, first))
    if choice == "u":
        return request.url
    if choice == "h":
        return "\n".join(f"{name}: {value}" for name, value in request.headers)
    return curl(request, first, await desk.read(deliveries.body, first.id))


async def last_attempt(desk: Desk, delivery: Delivery) -> Attempt | None:
    """Return the newest attempt that is recorded. Raises Refused."""
    found = await desk.read(deliveries.attempts, delivery.id, limit=1)
    return found[0] if found else None


def answer_text(attempt: Attempt) -> str:
    """Return the headers and the start of the body of an answer, harmless."""
    headers = "\n".join(safe(f"{name}: {value}") for name, value in attempt.answer_headers)
    body = safe(attempt.answer_body, keep_newlines=True)
    return f"{headers}\n\n{body}" if headers and body else headers or body


async def _answer(desk: Desk, delivery: Delivery) -> str:
    attempt = await last_attempt(desk, delivery)
    if attempt is None:
        raise Refused("there is no answer: it was not tried yet")
    text = answer_text(attempt)
    return f"{attempt.detail}\n{text}" if text else attempt.detail
