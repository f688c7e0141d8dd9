"""A source that sees nothing for long is told of, once a day."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from domain.actors import Actor
from domain.alert_kinds import DEFAULT_TERMS, SOURCE_STALE, kind_named
from domain.event_types import EventType
from domain.events import Event, read_event
from domain.ids import resource_id
from domain.settings import DEFAULTS
from domain.source_kinds import WIREGUARD
from sources.factory import SourceTerms, make_source
from sources.runner import run_runnable
from sources.stale import ClockJumps, StaleAlerts, StaleSource
from store import sources
from store.database import Store
from store.errors import StoreError
from store.events import adding, reading
from store.records import AppendResult
from tests.support.wireguard.dumps import PeerRow, dump

START_MS = 1_795_502_130_500
MINUTE_MS, DAY_MS = 60_000, 86_400_000


class Watched:
    """A source whose dump is a file that may be missing, and the clock of who watches it."""

    def __init__(self, store: Store, folder: Path, *, every: str = "30s") -> None:
        self.store = store
        self.file = folder / "dump.txt"
        self.now_ms = START_MS
        self.set_by_ms = 0
        options = {"command": f"cat {self.file}", "host": "gateway", "every": every}
        self.stored = store.call(sources.add, WIREGUARD, "local", options, Actor("admin"), START_MS)

    def run(self, *looks_ms: int, set_at_ms: Mapping[int, int] | None = None, **terms: Any) -> None:
        """Look at these times, in one run of the source.

        Before the looks at the times in `set_at_ms` the wall clock was set by so much.
        """
        jumps = set_at_ms or {}
        alerts = {**DEFAULT_TERMS, SOURCE_STALE: kind_named(SOURCE_STALE).terms(terms)}
        whole = SourceTerms(DEFAULTS, alerts)
        made = make_source(self.stored, whole, self.store)
        assert made is not None
        assert made.source is not None
        left = [START_MS + at_ms for at_ms in looks_ms]
        stop = asyncio.Event()

        class Timed:
            name = "local"

            def poll(_, now_ms: int, state: bytes | None) -> Any:  # noqa: N805  # `self` is the scene
                self.now_ms = left.pop(0)
                self.set_by_ms += jumps.get(self.now_ms - START_MS, 0)
                if not left:
                    stop.set()
                return made.source.poll(self.now_ms, state)  # type: ignore[union-attr]  # seen above

        timed = replace(made, source=Timed(), every_ms=made.every_ms)

        async def work() -> None:
            runs = run_runnable(
                timed, self.stored, self.store, whole, lambda: self.now_ms, stop,
                on_failure=lambda _: None, monotonic=lambda: (self.now_ms - self.set_by_ms) / 1000,
            )  # fmt: skip
            await runs

        asyncio.run(work())

    def alerts(self) -> list[dict[str, Any]]:
        found = self.store.call(reading.after, EventType.ALERTS, 0, limit=100)
        return [json.loads(one.body) for one in found]


def blind(since_ms: int = START_MS) -> StaleSource:
    return StaleSource("local", since_ms, "wg is \x1b[2J not there", {"host": "gateway"})


def told(stale: StaleAlerts, now_ms: int) -> Event | None:
    """Return the alerts of a blind source that are kept."""
    with stale.alert(blind(), now_ms) as alert:
        return alert


def test_patience_is_ten_minutes_or_three_intervals() -> None:
    stale = StaleAlerts(DEFAULT_TERMS, START_MS)
    assert not stale.is_stale(START_MS, 30_000, START_MS + 10 * MINUTE_MS)
    assert stale.is_stale(START_MS, 30_000, START_MS + 10 * MINUTE_MS + 1)
    assert not stale.is_stale(START_MS, 3_600_000, START_MS + 180 * MINUTE_MS)
    assert stale.is_stale(START_MS, 3_600_000, START_MS + 180 * MINUTE_MS + 1)


def test_nobody_is_blind_for_the_time_before_anybody_looked() -> None:
    stale = StaleAlerts(DEFAULT_TERMS, START_MS)
    assert not stale.is_stale(START_MS - DAY_MS, 30_000, START_MS + 10 * MINUTE_MS)


def test_an_alert_once_a_day_and_after_a_new_start_the_same_one() -> None:
    now_ms = START_MS + 11 * MINUTE_MS
    stale = StaleAlerts(DEFAULT_TERMS, START_MS)
    first = told(stale, now_ms)
    assert first is not None
    assert read_event(first.body, now_ms=0, random64=lambda: 0).body == first.body
    assert told(stale, now_ms + DAY_MS - 1) is None
    second = told(stale, now_ms + DAY_MS)
    again = told(StaleAlerts(DEFAULT_TERMS, START_MS), now_ms + 5)
    assert second is not None
    assert again is not None
    assert first.id == again.id != second.id


def test_what_could_not_be_saved_is_told_again() -> None:
    stale = StaleAlerts(DEFAULT_TERMS, START_MS)
    with pytest.raises(StoreError), stale.alert(blind(), START_MS) as lost:
        raise StoreError("the disk is full")
    assert lost is not None
    assert told(stale, START_MS) == lost
    assert told(stale, START_MS) is None


def test_a_second_telling_after_a_new_start_is_a_repeat(store: Store) -> None:
    for at_ms in (11, 12):
        stale = StaleAlerts(DEFAULT_TERMS, START_MS)
        event = told(stale, START_MS + at_ms * MINUTE_MS)
        assert event is not None
        appended = store.call(adding.append, [event], START_MS)
    assert (appended.accepted, appended.repeated, appended.conflicts) == (0, 1, ())


def test_a_source_that_fails_for_long_is_told_of(store: Store, tmp_path: Path) -> None:
    source = Watched(store, tmp_path)
    source.file.write_text(dump(PeerRow("alice")))
    source.run(0)
    source.file.unlink()
    source.now_ms = START_MS + 1000
    source.run(60_000, 12 * MINUTE_MS)
    (alert,) = source.alerts()
    params = alert["attributes"]["params"]
    assert "No such file or directory: `cat " in params.pop("error")
    assert params == {
        "host": "gateway",
        "host_pub": resource_id("hosts", "gateway"),
        "since": "2026-11-24T06:35:30Z",
        "source": "local",
    }
    stored = store.call(sources.find, "local")
    assert (stored.accepted_events, stored.last_event_ms) == (1, source.now_ms)
    assert stored.failures == 2


def test_an_alert_that_the_store_refused_comes_with_the_next_look(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_failure = sources.save_failure
    refused: list[str] = []

    def refuses_the_first_alert(
        name: str, error: str, now_ms: int, events: Sequence[Event] = (), **more: Any
    ) -> AppendResult:
        if events and not refused:
            refused.append(error)
            raise StoreError("the disk is full")
        return save_failure(name, error, now_ms, events, **more)

    monkeypatch.setattr(sources, "save_failure", refuses_the_first_alert)
    source = Watched(store, tmp_path)
    source.run(12 * MINUTE_MS, 13 * MINUTE_MS, 14 * MINUTE_MS)
    assert refused
    assert [one["attributes"]["type"] for one in source.alerts()] == [SOURCE_STALE]


def test_a_source_that_sees_again_in_time_is_not(store: Store, tmp_path: Path) -> None:
    source = Watched(store, tmp_path)
    source.run(30_000, 9 * MINUTE_MS)
    assert source.alerts() == []


def test_a_clock_that_was_set_ahead_makes_nobody_blind(store: Store, tmp_path: Path) -> None:
    source = Watched(store, tmp_path)
    ahead = {60 * MINUTE_MS: 59 * MINUTE_MS}
    source.run(30_000, 60 * MINUTE_MS, 69 * MINUTE_MS, set_at_ms=ahead)
    assert source.alerts() == []
    source.run(60 * MINUTE_MS, 69 * MINUTE_MS, 71 * MINUTE_MS, set_at_ms=ahead)
    assert len(source.alerts()) == 1


def test_a_clock_that_was_set_back_delays_no_alert(store: Store, tmp_path: Path) -> None:
    source = Watched(store, tmp_path)
    source.file.write_text(dump(PeerRow("alice")))
    source.run(0)
    source.file.unlink()
    back = {-DAY_MS: -DAY_MS - MINUTE_MS}
    source.run(*(at - DAY_MS for at in (0, 9 * MINUTE_MS, 11 * MINUTE_MS)), set_at_ms=back)
    assert len(source.alerts()) == 1


def test_a_clock_that_ntp_sets_back_a_little_makes_nobody_blind() -> None:
    stale = StaleAlerts(DEFAULT_TERMS, START_MS - DAY_MS)
    assert not stale.is_stale(START_MS + 1_000, 30_000, START_MS)


def test_what_was_told_is_told_again_after_a_day_whatever_the_clock_says() -> None:
    jumps = iter([0, -DAY_MS, 0])
    stale = StaleAlerts(DEFAULT_TERMS, START_MS, lambda _: next(jumps))
    assert told(stale, START_MS) is not None
    assert told(stale, START_MS - 1) is None
    assert told(stale, START_MS) is not None


@pytest.mark.parametrize(("moved_ms", "jump_ms"), [(29_999, 0), (30_000, 30_000), (-DAY_MS,) * 2])
def test_a_jump_is_told_once(moved_ms: int, jump_ms: int) -> None:
    jumps = ClockJumps(lambda: 7.0, START_MS)
    assert jumps.since(START_MS + moved_ms) == jump_ms
    assert jumps.since(START_MS + moved_ms) == 0


def test_the_kind_can_be_off(store: Store, tmp_path: Path) -> None:
    source = Watched(store, tmp_path)
    source.run(60_000, 12 * MINUTE_MS, active="off")
    assert source.alerts() == []
    assert store.call(sources.find, "local").error is not None


def test_what_is_wrong_is_made_safe() -> None:
    event = told(StaleAlerts(DEFAULT_TERMS, 0), START_MS)
    assert event is not None
    assert "\x1b" not in json.loads(event.body)["attributes"]["params"]["error"]
