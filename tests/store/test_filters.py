"""Filters of events: SQL and the predicate of the domain find the same."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from domain.event_types import EventType
from domain.filters import HasState, HasText, OfType, Since, Term, event_passes
from store.events.keys import key_of
from store.events.reading import event_conditions
from store.models import EventRow, database, rows
from store.records import StoredEvent
from tests.support.stores import ALERTS, NOW, Desk, event

LETTERS = st.sampled_from("aAkK\u212aéÉßẞiİ%_\\\"'! 1{}") | st.characters(codec="utf-8")
TEXTS = st.text(LETTERS, max_size=6)
TIMES = st.integers(NOW - 2, NOW + 2)


def stored(text: str, type_: EventType = ALERTS, received_ms: int = NOW) -> StoredEvent:
    return StoredEvent(type_, 1, "e1", received_ms, event(1, type_, text=text).body)


@st.composite
def cases(draw: st.DrawFn) -> tuple[StoredEvent, list[Term]]:
    """An event, and terms which it may just meet or fail."""
    text = draw(TEXTS)
    kept = stored(text, draw(st.sampled_from(EventType)), draw(TIMES))
    body = kept.body.decode()
    start = draw(st.integers(0, len(body)))
    part = draw(st.sampled_from([text, body[start : start + draw(st.integers(0, 9))]]))
    criteria = st.one_of(
        st.builds(HasText, TEXTS | st.sampled_from([part, part.upper(), part.lower()])),
        st.builds(OfType, st.sampled_from(EventType)),
        st.builds(Since, TIMES),
    )
    return kept, draw(st.lists(st.builds(Term, criteria, st.booleans()), max_size=3))


def is_found(kept: StoredEvent, terms: list[Term]) -> bool:
    """True if SQL finds an event that is the only one."""
    with database.atomic() as transaction:
        EventRow.insert(
            key=key_of(kept.type, 1),
            moment=0,
            id=kept.id,
            received_ms=kept.received_ms,
            body=kept.body,
        ).execute()
        found = rows(EventRow.select(EventRow.key).where(True, *event_conditions(terms)))
        transaction.rollback()
    return bool(found)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cases())
@example((stored("é"), [Term(HasText("É"))]))
@example((stored("\u212a"), [Term(HasText('"K"'))]))
@example((stored("x"), [Term(HasText("}\0"))]))
@example((stored("x"), [Term(HasText("X")), Term(HasText("q"), inverse=True)]))
def test_sql_and_predicate_never_differ(desk: Desk, case: tuple[StoredEvent, list[Term]]) -> None:
    kept, terms = case
    passes = event_passes(terms, kept.type, kept.received_ms, kept.body)
    assert desk.call(is_found, kept, terms) is passes


def test_a_criterion_that_is_not_for_events_is_refused() -> None:
    terms = [Term(HasState("pending"))]
    with pytest.raises(ValueError, match="no event has a HasState"):
        event_conditions(terms)
    with pytest.raises(ValueError, match="no event has a HasState"):
        event_passes(terms, ALERTS, NOW, b"{}")
