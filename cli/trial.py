"""`tocsin webhook test`: one marked event, sent now, and what the receiver answered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from cli.context import Context
from cli.shapes import Shape
from delivery.trial import noted_test
from domain.safe import safe
from domain.words import span_text
from store.audit import note_alone
from store.database import Store
from store.records import Webhook

if TYPE_CHECKING:
    from delivery.outcome import Outcome

ANSWER_SHOWN = 500


def try_out(webhook: Webhook, store: Store, context: Context) -> Outcome:
    """Send the test and record that it was sent, also where Ctrl+C ends it."""
    now_ms = context.now_ms()

    async def note(**told: Any) -> None:
        await store.run(note_alone, actor=context.actor, now_ms=now_ms, **told)

    return asyncio.run(noted_test(webhook, context.settings, now_ms, context.random_bytes, note))


def outcome_shape(webhook: Webhook, outcome: Outcome) -> Shape:
    """The JSON of a test."""
    return {
        "webhook": webhook.id,
        "delivered": outcome.delivered,
        "status": outcome.status,
        "error": outcome.error,
        "detail": outcome.detail,
        "duration_ms": outcome.duration_ms,
        "answer_headers": [f"{name}: {value}" for name, value in outcome.answer_headers],
        "answer_body": safe(outcome.answer_body, keep_newlines=True),
    }


def outcome_text(outcome: Outcome) -> str:
    """The status or the error in words, the time it took, and the start of the answer."""
    verdict = "delivered" if outcome.delivered else "not delivered"
    line = f"{verdict}: {outcome.detail}, after {span_text(outcome.duration_ms)}"
    answer = safe(outcome.answer_body, ANSWER_SHOWN, keep_newlines=True).rstrip("\n")
    return f"{line}\n{answer}" if answer else line
