"""What is typed into the filter of deliveries."""

from __future__ import annotations

import re

import pytest

from domain.event_types import EventType
from store.listing import Answered, HasState, HasText, OfType, OfWebhook, SealedSince, Term, Test
from store.records import Webhook
from tests.store.helpers import NOW, fields
from tui.delivery_filter import FilterReader

HOUR = 3_600_000


def webhook(number: int, name: str | None) -> Webhook:
    return Webhook(number, 1, fields(name=name), None, True, NOW, NOW, None)


READER = FilterReader([webhook(1, "siem"), webhook(2, None)], NOW)


@pytest.mark.parametrize(
    ("text", "test"),
    [
        ("state:failing", HasState("failing")),
        ("STATE:Delivered", HasState("delivered")),
        ("webhook:SIEM", OfWebhook(1)),
        ("webhook:7", OfWebhook(7)),
        ("type:log_authn", OfType(EventType.LOG_AUTHN)),
        ("since:1h", SealedSince(NOW - HOUR)),
        ("status:503", Answered(503, 503)),
        ("status:5xx", Answered(500, 599)),
        ("refused", HasText("refused")),
        ("SIE", HasText("SIE", (1,))),
        ("example", HasText("example", (2,))),
        ("http://x", HasText("http://x")),
    ],
)
def test_a_word_and_its_inverse(text: str, test: Test) -> None:
    assert READER.read(text).terms == (Term(test),)
    assert READER.read(f"!{text}").terms == (Term(test, inverse=True),)


def test_every_word_counts_and_the_webhook_of_the_screen_stays() -> None:
    search = READER.read("  state:pending !status:5xx ! ", 1)
    assert search.webhook_id == 1
    assert search.terms == (Term(HasState("pending")), Term(Answered(500, 599), inverse=True))


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("state:", "write something after state:"),
        ("state:good", "write pending, sending, failing"),
        ("webhook:nobody", "write its name or id"),
        ("type:logs", "write alerts, endpoint_stats"),
        ("since:yesterday", "2026-11-24T08:00:00Z"),
        ("status:x", "like 503 or 5xx"),
        ("status:2²0", "like 503 or 5xx"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_cure(text: str, cure: str) -> None:
    with pytest.raises(ValueError, match=re.escape(cure)):
        READER.read(text)
