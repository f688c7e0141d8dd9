"""Text that is typed into the filter of a list."""

from __future__ import annotations

import re

import pytest

from domain.event_types import EventType
from domain.filters import (
    OF_CHANGES,
    OF_DELIVERIES,
    Answered,
    Criterion,
    FilterReader,
    HasState,
    HasText,
    OfType,
    OfWebhook,
    Since,
    Term,
    Unanswered,
    phrase_terms,
)

NOW = 1_790_000_000_000
HOUR = 3_600_000


NAMES = {1: "siem", 2: "example.com/hook", 3: "siem one"}
READER = FilterReader(NAMES, NOW, OF_DELIVERIES)


@pytest.mark.parametrize(
    ("text", "test"),
    [
        ("state:failing", HasState("failing")),
        ("STATE:Delivered", HasState("delivered")),
        ("webhook:SIEM", OfWebhook(1)),
        ("webhook:7", OfWebhook(7)),
        ("hook:siem", OfWebhook(1)),
        ("webhook:example.com/hook", OfWebhook(2)),
        ("type:log_authn", OfType(EventType.LOG_AUTHN)),
        ("since:1h", Since(NOW - HOUR)),
        ("status:503", Answered(503, 503)),
        ("status:5xx", Answered(500, 599)),
        ("status:dns", Unanswered("DNS")),
        ("status:Policy", Unanswered("policy")),
        ('status:"no route"', Unanswered("no route")),
        ("status:error", Unanswered("error")),
        ("refused", HasText("refused")),
        ('webhook:"siem one"', OfWebhook(3)),
        ("webhook:'Siem One'", OfWebhook(3)),
        ('webhook:"siem one', OfWebhook(3)),
        ('"siem o"', HasText("siem o", (3,))),
        ('"state:failing"', HasText("state:failing")),
        ("it's", HasText("it's")),
        ('{"a":1}', HasText('{"a":1}')),
        ("SIE", HasText("SIE", (1, 3))),
        ("example", HasText("example", (2,))),
        ("http://x", HasText("http://x")),
    ],
)
def test_a_word_and_its_inverse(text: str, test: Criterion) -> None:
    assert READER.read(text) == (Term(test),)
    assert READER.read(f"!{text}") == (Term(test, inverse=True),)


def test_every_word_counts() -> None:
    terms = READER.read("  state:pending !status:5xx ! ")
    assert terms == (Term(HasState("pending")), Term(Answered(500, 599), inverse=True))


def test_words_go_on_behind_a_quote() -> None:
    terms = READER.read("webhook:'siem one' !\"two words\" \"\" it's 5'")
    assert terms == (
        Term(OfWebhook(3)),
        Term(HasText("two words"), inverse=True),
        Term(HasText("it's")),
        Term(HasText("5'")),
    )


def test_a_word_that_a_list_does_not_offer_is_text() -> None:
    reader = FilterReader({}, NOW, OF_CHANGES)
    assert reader.read("state:failing") == (Term(HasText("state:failing")),)


def test_of_two_with_the_same_name_the_later_is_meant() -> None:
    reader = FilterReader({3: "siem", 8: "siem"}, NOW, OF_CHANGES)
    assert reader.read("webhook:siem") == (Term(OfWebhook(8)),)


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("state:", "write something after state:"),
        ("state:good", "write pending, sending, failing"),
        ("webhook:nobody", "write its name or id"),
        ("webhook:two words", 'webhook:"siem one"'),
        ('webhook:""', "write something after webhook:"),
        ("type:logs", "write alerts, endpoint_stats"),
        ("since:yesterday", "2026-11-24T08:00:00Z"),
        ("status:x", "like 503 or 5xx"),
        ("status:clos", "policy, CA file, TLS, timeout"),
        ("status:2²0", "like 503 or 5xx"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_cure(text: str, cure: str) -> None:
    with pytest.raises(ValueError, match=re.escape(cure)):
        READER.read(text)


def test_a_phrase_is_one_text_with_its_blanks() -> None:
    assert phrase_terms("  ") == phrase_terms("!") == ()
    assert phrase_terms(" ! a b ") == (Term(HasText("a b"), inverse=True),)
