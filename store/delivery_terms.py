"""What lists of deliveries are searched for, in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from peewee import fn

from store import models
from store.outcome_search import error_word_is, outcome_has
from store.terms import (
    Answered,
    HasState,
    HasText,
    OfType,
    OfWebhook,
    Since,
    StateWord,
    Term,
    Test,
    Unanswered,
    never_null,
)
from store.workers import is_anyone_sending


def conditions_of(terms: Sequence[Term]) -> list[Any]:
    """The terms in SQL; none is ever NULL, so that its inverse is true where it is false."""
    return [never_null(_tested(term.test), inverse=term.inverse) for term in terms]


def _tested(test: Test) -> Any:
    delivery = models.Delivery
    match test:
        case HasState(word):
            return _state(word)
        case OfWebhook(webhook_id):
            return delivery.webhook == webhook_id
        case OfType(type_):
            return delivery.type == type_.value
        case Since(since_ms):
            return delivery.sealed_ms >= since_ms
        case Answered(lowest, highest):
            return delivery.last_status.between(lowest, highest)
        case Unanswered(word):
            return error_word_is(word)
        case HasText(text, webhook_ids):
            return _text(text, webhook_ids)


def _state(word: StateWord) -> Any:
    delivery = models.Delivery
    pending = delivery.state == "pending"
    match word:
        case "sending":
            return pending & delivery.sending_since_ms.is_null(False) & is_anyone_sending()
        case "failing":
            failed = delivery.last_status.is_null(False) | delivery.last_error.is_null(False)
            return pending & failed
        case "blocked":
            return pending & delivery.blocked.is_null(False)
        case _:
            return delivery.state == word


def _text(text: str, webhook_ids: Sequence[int]) -> Any:
    delivery = models.Delivery
    found = delivery.public_id.contains(text) | delivery.webhook.in_(list(webhook_ids))
    for field in (delivery.last_error, delivery.ended_by, delivery.blocked):
        found |= fn.COALESCE(field, "").contains(text)
    return found | outcome_has(text)
