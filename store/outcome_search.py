"""Search deliveries for what an admin reads of their outcomes, not for how it is stored."""

from __future__ import annotations

from typing import Any

from peewee import Case, fn

from domain.words import ERROR_WORDS, OTHER_ERROR, status_words
from store import models

_ENDED = ("skipped", "resealed")
_STATUSES = range(100, 600)


def outcome_has(text: str) -> Any:
    """Whether the words for the end of a delivery or for its last attempt hold this text."""
    delivery, wanted = models.Delivery, text.lower()
    ends = [state for state in _ENDED if wanted in state]
    statuses = [one for one in _STATUSES if wanted in status_words(one).lower()]
    words = _last_words_have(text)
    if any(wanted in word.lower() for word in (*dict(ERROR_WORDS).values(), OTHER_ERROR)):
        words = _error_word().contains(text) | words
    found = delivery.last_error.is_null(False) & words
    if statuses:
        found = delivery.last_status.in_(statuses) | found
    return delivery.state.in_(ends) | found if ends else found


def error_word_is(word: str) -> Any:
    """Whether the last attempt got no answer, for what is shown in this word."""
    return models.Delivery.last_error.is_null(False) & (_error_word() == word)


def _error_word() -> Any:
    """As `domain.words.error_word` says it."""
    error = models.Delivery.last_error
    return Case(
        None, [(fn.INSTR(error, part) > 0, word) for part, word in ERROR_WORDS], OTHER_ERROR
    )


def _last_words_have(text: str) -> Any:
    """Of the last attempt that is over, found by its number: a delivery may have had thousands."""
    attempt, delivery = models.Attempt, models.Delivery
    over = delivery.attempts - delivery.sending_since_ms.is_null(False)
    return fn.EXISTS(
        attempt.select(attempt.id).where(
            (attempt.delivery == delivery.id)
            & (attempt.number == over)
            & attempt.detail.contains(text)
        )
    )
