"""`tocsin webhook test`: its webhook, the test, and the outcome in words and JSON."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from cli.arguments import ValueReader
from cli.context import Context
from cli.event.lookup import kept_with_id, only_one, require_id
from cli.json_shapes import Shape
from cli.webhook.fields import FieldOptions, new_secret
from cli.webhook.lookup import find_webhook, require_readable
from delivery.testing import audited_test
from domain.safe import safe
from domain.wording import span_text
from store.audit import note_alone
from store.database import Store
from store.records import Secrets, StoredEvent, Webhook

if TYPE_CHECKING:
    from delivery.outcome import Outcome

ANSWER_SHOWN = 500


class TestOptions:
    """Options of a test, which make its webhook: a saved one that they change, or a new one.

    Files and stdin are read once, here.
    """

    def __init__(self, args: Namespace, context: Context) -> None:
        reader = ValueReader(context.out)
        self._reference: str | None = args.id
        self._options = FieldOptions(args, reader)
        self._keeps_secret = args.secret is None
        self._secret = new_secret(args.secret, reader, context.random_bytes)
        self._now_ms = context.now_ms()

    def webhook(self, store: Store) -> Webhook:
        """The webhook to test. Raises NotFound, WrongKey, FieldErrors."""
        if self._reference is None:
            return self._unsaved()
        before = find_webhook(store, self._reference)
        require_readable(before, store)
        fields = self._options.applied_to(before.fields)
        return replace(before, fields=fields, secrets=self._secrets(before.secrets))

    def _unsaved(self) -> Webhook:
        return Webhook(
            id=0,
            revision=0,
            fields=self._options.new(),
            secrets=self._secrets(None),
            readable=True,
            created_ms=self._now_ms,
            updated_ms=self._now_ms,
            deleted_ms=None,
        )

    def _secrets(self, before: Secrets | None) -> Secrets | None:
        if self._keeps_secret:
            return before
        return Secrets(self._secret) if self._secret else None


def kept_event(webhook: Webhook, args: Namespace, store: Store) -> StoredEvent | None:
    """The event of the webhook's type to send in place of a sample. Raises NotFound, Failure."""
    require_id(args.event, "--event", args)
    if not args.event:
        return None
    type_ = webhook.fields.type
    search = kept_with_id(store, args.event, type_)
    missing = f"no event {args.event} of type {type_.value} is kept"
    return only_one(search, args.event, args, missing)


def send_test(
    webhook: Webhook, event: StoredEvent | None, store: Store, context: Context
) -> Outcome:
    """Send the test and record it, also where Ctrl+C ends it."""
    now_ms = context.now_ms()

    async def note(**change: Any) -> None:
        await store.run(note_alone, actor=context.actor, now_ms=now_ms, **change)

    return asyncio.run(
        audited_test(webhook, context.settings, now_ms, context.random_bytes, note, event)
    )


def outcome_shape(webhook: Webhook, outcome: Outcome) -> Shape:
    """The JSON of a test."""
    return {
        "webhook": webhook.id or None,
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
