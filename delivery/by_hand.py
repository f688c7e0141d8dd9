"""Sending of a refused event by hand: whole, once, outside queue and order, to a named webhook."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from delivery.outcome import Outcome
from delivery.testing import ABANDONED, send_once
from domain.bodies import join_body, splice
from domain.ids import hand_sent_id
from domain.settings import Settings
from domain.urls import mask_url
from store.errors import Conflict
from store.records import StoredRefusal, Webhook

_value_decoder = msgspec.json.Decoder(msgspec.Raw)
_object_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


def hand_sent_body(webhook: Webhook, text: bytes) -> bytes:
    """Return the JSON list of this one text, as it came but for the extra fields that it lacks.

    Raises Conflict for a text that is not JSON.
    """
    own = _members(text)
    fields = [(name, value) for name, value in webhook.fields.extra_fields if name not in own]
    return join_body([text.strip()], splice(fields) if own else b"")


def _members(text: bytes) -> frozenset[str]:
    """Return the names of a JSON object's members, none for another value. Raises Conflict."""
    try:
        text.decode()
        _value_decoder.decode(text)
        return frozenset(_object_decoder.decode(text))
    except msgspec.ValidationError:  # JSON, but no object
        return frozenset()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        reason = "it is no whole JSON text, and no receiver could read it"
        raise Conflict(f"{reason}: export it instead") from None


async def send_by_hand(
    refused: StoredRefusal,
    text: bytes,
    webhook: Webhook,
    settings: Settings,
    now_ms: int,
    note: Callable[..., Awaitable[object]],
) -> Outcome:
    """Send the event and `note` the outcome, also if this is cancelled. Raises Conflict.

    `note` takes the arguments of `store.refusals.note_sent` beside the actor and the time. A second
    sending has the same id and the same bytes, unless the webhook's extra fields have changed.
    """
    body = hand_sent_body(webhook, text)
    facts = {"id_": refused.id, "webhook_id": webhook.id, "url": mask_url(webhook.fields.url)}
    message_id = hand_sent_id(webhook.id, body)
    try:
        outcome = await send_once(webhook, message_id, body, settings, now_ms)
    except asyncio.CancelledError:
        await note(**facts, status=None, error=ABANDONED, delivered=False)
        raise
    await note(**facts, status=outcome.status, error=outcome.error, delivered=outcome.delivered)
    return outcome
