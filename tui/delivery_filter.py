"""What an admin types to see only some deliveries, read into a search."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from domain.event_types import EventType
from domain.safe import safe
from domain.times import parse_time
from store.listing import (
    STATE_WORDS,
    Answered,
    HasState,
    HasText,
    OfType,
    OfWebhook,
    SealedSince,
    Search,
    Term,
    Test,
)
from store.records import Webhook
from tui.webhook_rows import receiver_of

HINT = "text · state:failing · webhook:NAME · since:1h · status:5xx · ! turns a word round"
_STATUS = re.compile(r"([1-9])([0-9x])([0-9x])", re.IGNORECASE)
_SHOWN = 40


class FilterReader:
    """Reads filters against the webhooks that there are, at a moment."""

    def __init__(self, webhooks: Sequence[Webhook], now_ms: int) -> None:
        self._webhooks = webhooks
        self._now_ms = now_ms
        self._kinds: dict[str, Callable[[str], Test]] = {
            "state": _state,
            "webhook": self._webhook,
            "type": _type,
            "since": self._since,
            "status": _status,
        }

    def read(self, text: str, webhook_id: int | None = None) -> Search:
        """A search for all the words. Raises ValueError with what to write instead."""
        words = [word for word in text.split() if word.strip("!")]
        return Search(webhook_id, tuple(map(self._term, words)))

    def _term(self, word: str) -> Term:
        inverse = word.startswith("!")
        kind, colon, value = word.lstrip("!").partition(":")
        if not colon or kind.lower() not in self._kinds:
            return Term(self._text(word.lstrip("!")), inverse)
        if not value:
            raise ValueError(f"write something after {kind}:")
        return Term(self._kinds[kind.lower()](value), inverse)

    def _text(self, text: str) -> HasText:
        wanted = text.lower()
        named = [one.id for one in self._webhooks if wanted in receiver_of(one).lower()]
        return HasText(text, tuple(named))

    def _webhook(self, reference: str) -> OfWebhook:
        for webhook in self._webhooks:
            if (webhook.fields.name or "").lower() == reference.lower():
                return OfWebhook(webhook.id)
        if reference.isdecimal() and len(reference) < 19:
            return OfWebhook(int(reference))
        raise ValueError(f"no webhook is called {safe(reference, _SHOWN)}: write its name or id")

    def _since(self, text: str) -> SealedSince:
        return SealedSince(parse_time(text, self._now_ms))


def _state(text: str) -> HasState:
    for word in STATE_WORDS:
        if word == text.lower():
            return HasState(word)
    raise ValueError(f"no state {safe(text, _SHOWN)}: write {', '.join(STATE_WORDS)}")


def _type(text: str) -> OfType:
    try:
        return OfType(EventType(text.lower()))
    except ValueError:
        names = ", ".join(EventType)
        raise ValueError(f"no type {safe(text, _SHOWN)}: write {names}") from None


def _status(text: str) -> Answered:
    match = _STATUS.fullmatch(text)
    if match is None:
        raise ValueError(f"{safe(text, _SHOWN)} is no status: write it like 503 or 5xx")
    digits = text.lower()
    return Answered(int(digits.replace("x", "0")), int(digits.replace("x", "9")))
