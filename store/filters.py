"""SQL conditions of the terms of a filter (`domain.filters`), for each kind of list.

None is ever NULL, so that an inverse term finds exactly what the term does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from peewee import Case, fn

from domain.filters import (
    Answered,
    Criterion,
    HasState,
    HasText,
    OfType,
    OfWebhook,
    Since,
    StateWord,
    Term,
    Unanswered,
)
from domain.wording import ERROR_WORDS, OTHER_ERROR, status_words
from store.models import AttemptRow, ChangeRow, DeliveryRow
from store.workers import is_anyone_sending

_ENDED = ("skipped", "resealed")
_STATUSES = range(100, 600)


def delivery_conditions(terms: Sequence[Term]) -> list[Any]:
    """Return what deliveries must meet. A search is for what is shown of them, not for codes."""
    return conditions(terms, _of_delivery)


def change_conditions(terms: Sequence[Term]) -> list[Any]:
    """Return what lines of the audit trail must meet."""
    return conditions(terms, _of_change)


def conditions(terms: Sequence[Term], sql_of: Callable[[Criterion], Any]) -> list[Any]:
    """Return the SQL of terms, given that of a criterion."""
    found = [(fn.COALESCE(sql_of(term.criterion), False), term.inverse) for term in terms]
    return [~condition if inverse else condition for condition, inverse in found]


def _of_delivery(criterion: Criterion) -> Any:
    match criterion:
        case HasState(word):
            return _state(word)
        case OfWebhook(webhook_id):
            return DeliveryRow.webhook == webhook_id
        case OfType(type_):
            return DeliveryRow.type == type_.value
        case Since(since_ms):
            return DeliveryRow.sealed_ms >= since_ms
        case Answered(lowest, highest):
            return DeliveryRow.last_status.between(lowest, highest)
        case Unanswered(word):
            return DeliveryRow.last_error.is_null(False) & (_error_word() == word)
        case HasText(text, webhook_ids):
            fields = (
                DeliveryRow.public_id,
                DeliveryRow.last_error,
                DeliveryRow.ended_by,
                DeliveryRow.blocked,
            )
            found = DeliveryRow.webhook.in_(list(webhook_ids)) | _any_has(fields, text)
            return found | _outcome_has(text)


def _of_change(criterion: Criterion) -> Any:
    match criterion:
        case OfWebhook(webhook_id):
            return ChangeRow.webhook_id == webhook_id
        case Since(since_ms):
            return ChangeRow.at_ms >= since_ms
        case HasText(text, webhook_ids):
            found = ChangeRow.webhook_id.in_(list(webhook_ids))
            found |= _any_has(
                (ChangeRow.user, ChangeRow.login, ChangeRow.address, ChangeRow.action), text
            )
            # On the screen "max_events" reads as "max events".
            return found | fn.REPLACE(ChangeRow.detail, "_", " ").contains(text.replace("_", " "))
        case _:
            raise ValueError(f"no change has a {type(criterion).__name__}")


def _any_has(fields: Sequence[Any], text: str) -> Any:
    found = fn.COALESCE(fields[0], "").contains(text)
    for field in fields[1:]:
        found |= fn.COALESCE(field, "").contains(text)
    return found


def _state(word: StateWord) -> Any:
    pending = DeliveryRow.state == "pending"
    match word:
        case "sending":
            return pending & DeliveryRow.sending_since_ms.is_null(False) & is_anyone_sending()
        case "failing":
            failed = DeliveryRow.last_status.is_null(False) | DeliveryRow.last_error.is_null(False)
            return pending & failed
        case "blocked":
            return pending & DeliveryRow.blocked.is_null(False)
        case _:
            return DeliveryRow.state == word


def _outcome_has(text: str) -> Any:
    """Match the words for the end of a delivery or for its last attempt."""
    wanted = text.lower()
    statuses = [status for status in _STATUSES if wanted in status_words(status).lower()]
    words = _detail_has(text)
    if any(wanted in word.lower() for word in (*dict(ERROR_WORDS).values(), OTHER_ERROR)):
        words = _error_word().contains(text) | words
    found = DeliveryRow.last_status.in_(statuses) | (DeliveryRow.last_error.is_null(False) & words)
    return DeliveryRow.state.in_([state for state in _ENDED if wanted in state]) | found


def _error_word() -> Any:
    """Return the SQL of `domain.wording.error_word`."""
    error = DeliveryRow.last_error
    return Case(
        None, [(fn.INSTR(error, part) > 0, word) for part, word in ERROR_WORDS], OTHER_ERROR
    )


def _detail_has(text: str) -> Any:
    """Match the last attempt that is over, found by its number: there may be thousands."""
    over = DeliveryRow.attempts - DeliveryRow.sending_since_ms.is_null(False)
    return fn.EXISTS(
        AttemptRow.select(AttemptRow.id).where(
            (AttemptRow.delivery == DeliveryRow.id)
            & (AttemptRow.number == over)
            & AttemptRow.detail.contains(text)
        )
    )
