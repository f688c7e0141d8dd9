"""Fixtures from which every test of the screens starts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.event_types import EventType
from tests.support import pilot
from tests.support.apps import Bench
from tests.support.pilot import idle_by_signals, stylesheets_parsed_once
from tests.support.stores import events, fields, new_store
from tui.terminal import typing_ahead
from tui.webhook_form import draft_keeper
from tui.widgets import notices

HOUR_S = 3_600


@pytest.fixture(autouse=True, scope="package")
def quick_pilot() -> Iterator[None]:
    """A pilot that waits for what is under way and no longer, and apps that start sooner."""
    with idle_by_signals(), stylesheets_parsed_once():
        yield


@pytest.fixture(autouse=True)
def no_clock_of_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no time that passes end a notice, hand a key on or keep a draft."""
    for module, names in (
        (notices, ("SECONDS", "BAD_SECONDS", "BAD_LASTS_S")),
        (typing_ahead, ("PATIENCE_S",)),
        (draft_keeper, ("KEEP_AFTER_S", "KEEP_AT_LATEST_S")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, HOUR_S * getattr(module, name))


@pytest.fixture
def work_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pilot go on soon, in a test that itself holds up what a thread does."""
    monkeypatch.setattr(pilot, "THREADS_S", pilot.HELD_UP_S)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A new store and its clock."""
    store = new_store(tmp_path / "home" / "tocsin.db")
    yield Bench(store)
    store.close()


@pytest.fixture
def three(bench: Bench) -> Bench:
    """Webhooks 1 (siem, 2 events queued), 2 (pager, failing) and 3 (archive)."""
    bench.store.add(fields(name="siem"))
    bench.store.add(fields(EventType.LOG_AUTHN, name="pager"))
    bench.store.add(fields(EventType.LOG_CHANGES, name="archive"))
    bench.store.append(*events(1, 2))
    bench.store.append(*events(1, 1, EventType.LOG_AUTHN))
    bench.store.end(bench.store.started(2), 500)
    return bench
