"""End of the screen, and all that it waits for."""

from __future__ import annotations

import asyncio
import threading

from msgspec.structs import replace

from cli.screen import _Work, waiting_words
from domain.settings import DEFAULTS
from store.records import AppendResult
from tests.support.apps import EndedWorker
from tui.state.store_access import SourceJobs


def test_the_end_tells_a_look_to_stop_and_waits_for_it() -> None:
    jobs = SourceJobs()
    begun, answered = threading.Event(), threading.Event()
    stopped: list[bool] = []

    async def look(stop: asyncio.Event) -> AppendResult:
        begun.set()
        await asyncio.wait_for(stop.wait(), 30)
        await asyncio.to_thread(answered.wait, 30)
        stopped.append(True)
        return AppendResult(0, 0)

    async def begin() -> None:
        looking = asyncio.create_task(jobs.run("pc", look))
        assert await asyncio.to_thread(begun.wait, 30)
        looking.cancel()

    asyncio.run(begin())
    work = _Work(EndedWorker(), jobs)
    work.stop()
    assert not work.join(0.0)
    assert work.takes
    answered.set()
    assert work.join(30.0)
    assert stopped == [True]
    assert not jobs.is_under_way("pc")
    assert not work.takes


def test_an_end_tells_how_long_it_waits_and_for_what() -> None:
    settings = replace(DEFAULTS, grace_ms=10_000)
    attempts = "Waiting up to 10 s for attempts in flight; Ctrl+C ends at once."
    assert waiting_words(settings, takes=False) == attempts
    both = "Waiting up to 30 s for attempts in flight and what sources take; Ctrl+C ends at once."
    assert waiting_words(settings, takes=True) == both


def test_after_the_end_began_no_look_begins() -> None:
    jobs = SourceJobs()
    jobs.stop()

    async def look(stop: asyncio.Event) -> AppendResult:
        assert stop.is_set()
        return AppendResult(0, 0)

    assert asyncio.run(jobs.run("pc", look)) == AppendResult(0, 0)
