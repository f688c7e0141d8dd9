"""Refusals of the queue: nothing that a source took goes by itself, but what was sent."""

from __future__ import annotations

import pytest

from domain.events import RefusedText
from domain.source_kinds import PROCUSTODIBUS
from store import refusals, sources
from store.errors import NotFound
from store.maintenance import backup, health, prune
from store.models import database
from store.records import StoredRefusal
from store.refusals import TakingRules
from tests.support.stores import ACTOR, DAY, NOW, Desk, event

RULES = TakingRules(lambda _: None, lambda *_: None)
RETENTION = prune.Retention(keep_events_ms=7 * DAY, keep_deliveries_ms=400 * DAY)


@pytest.fixture
def taking(desk: Desk) -> Desk:
    """A store with a source that takes."""
    desk.add_source("pc", PROCUSTODIBUS)
    return desk


def kept(desk: Desk) -> list[StoredRefusal]:
    return desk.call(refusals.load_all)


def sent(desk: Desk, one: StoredRefusal, *, status: int = 200, now_ms: int = NOW) -> None:
    """Note that one was sent by hand."""
    told = (one.id, 1, "https://siem.example/", status, None, ACTOR, now_ms)
    desk.call(refusals.note_sent, *told, delivered=status == 200)


def test_only_what_was_sent_goes_and_only_after_the_time_of_keeping(taking: Desk) -> None:
    taking.refuse(b"1", b"2", b"3")
    first, second, third = kept(taking)
    sent(taking, first)
    sent(taking, second, status=503)
    assert not taking.call(prune.Pruning(RETENTION, NOW + 7 * DAY).step)
    pruned = taking.call(prune.Pruning(RETENTION, NOW + 7 * DAY + 1).step)
    assert pruned == prune.PruneResult(refused=1)
    assert not taking.call(prune.Pruning(RETENTION, NOW + 4_000 * DAY).step)
    assert [one.id for one in kept(taking)] == [second.id, third.id]
    assert taking.call(health.problems, taking.store.vault) == []


def test_what_was_sent_makes_room(taking: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "MOST_EVENTS", 2)
    taking.refuse(b"1", b"2")
    assert taking.call(refusals.is_full, "pc")
    assert not taking.call(refusals.is_full, "another")
    sent(taking, kept(taking)[0], status=500)
    assert taking.call(refusals.is_full, "pc")
    sent(taking, kept(taking)[0])
    assert not taking.call(refusals.is_full, "pc")
    assert taking.call(refusals.waiting_by_source) == {"pc": 1}


def test_events_and_state_and_what_is_refused_come_in_one_transaction(taking: Desk) -> None:
    taken = ([event(1)], [RefusedText("alerts", b"odd", "why")], b"state", NOW, RULES)

    def broken() -> None:
        with database.atomic():
            refusals.save_taken("pc", *taken)
            raise NotFound("the end")

    with pytest.raises(NotFound):
        taking.call(broken)
    assert (kept(taking), taking.call(sources.load_state, "pc")) == ([], None)
    assert taking.call(refusals.save_taken, "pc", *taken).accepted == 1
    assert taking.call(sources.load_state, "pc") == b"state"
    source = taking.call(sources.find, "pc")
    assert (source.accepted_events, source.last_ok_ms, len(kept(taking))) == (1, NOW, 1)


def test_what_a_deleted_source_took_is_kept(taking: Desk) -> None:
    taking.call(sources.delete, "pc", ACTOR, NOW)
    refused = [RefusedText("alerts", b"odd", "why")]
    appended = taking.call(
        refusals.save_taken, "pc", [event(1)], refused, b"state", NOW, RULES, created_ms=NOW
    )
    assert (appended.accepted, len(kept(taking))) == (1, 1)


def test_the_same_text_of_two_sources_is_kept_twice(taking: Desk) -> None:
    taking.refuse(b"odd", b"odd")
    taking.refuse(b"odd", source="another")
    assert [one.source for one in kept(taking)] == ["pc", "another"]
    assert len(taking.call(refusals.load_all, "pc")) == 1


def test_a_store_with_nothing_else_is_not_empty(desk: Desk) -> None:
    assert desk.call(backup.is_empty)
    desk.refuse(b"odd")
    assert not desk.call(backup.is_empty)


def test_the_newest_are_shown_oldest_first(taking: Desk) -> None:
    taking.refuse(b"1", b"2", b"3")
    newest = taking.call(refusals.load_all, "pc", most=2)
    assert [taking.call(refusals.text_of, one.id) for one in newest] == [b"2", b"3"]
