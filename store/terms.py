"""What lists are searched for: tests that every screen's filter is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from peewee import fn

from domain.event_types import EventType

StateWord = Literal["pending", "sending", "failing", "blocked", "delivered", "skipped", "resealed"]
STATE_WORDS: tuple[StateWord, ...] = (
    "pending",
    "sending",
    "failing",
    "blocked",
    "delivered",
    "skipped",
    "resealed",
)


@dataclass(frozen=True, slots=True)
class HasState:
    """In this state; "sending", "failing" and "blocked" are kinds of pending."""

    word: StateWord


@dataclass(frozen=True, slots=True)
class OfWebhook:
    """For this webhook, or about it."""

    webhook_id: int


@dataclass(frozen=True, slots=True)
class OfType:
    """With events of this type."""

    type: EventType


@dataclass(frozen=True, slots=True)
class Since:
    """At this time or later, milliseconds: when a delivery was sealed, or a change made."""

    since_ms: int


@dataclass(frozen=True, slots=True)
class Answered:
    """The last attempt got a status from `lowest` to `highest`."""

    lowest: int
    highest: int


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The last attempt got no answer, for what `domain.words.error_word` says in this word."""

    word: str


@dataclass(frozen=True, slots=True)
class HasText:
    """Words of it hold this text, or it is for one of these webhooks."""

    text: str
    webhook_ids: tuple[int, ...] = ()


Test = HasState | OfWebhook | OfType | Since | Answered | Unanswered | HasText


@dataclass(frozen=True, slots=True)
class Term:
    """One test; `inverse`: what fails it is wanted."""

    test: Test
    inverse: bool = False


def never_null(condition: Any, *, inverse: bool) -> Any:
    """A condition in SQL whose inverse is true wherever it is not, NULL or no."""
    wanted = fn.COALESCE(condition, False)
    return ~wanted if inverse else wanted
