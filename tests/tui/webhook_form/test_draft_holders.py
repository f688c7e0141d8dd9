"""A draft whose form is open in another terminal: offered nowhere else until it is free."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from store import workers
from store.records import StoredWorker
from tests.support.apps import Bench, screen_text, told
from tests.support.stores import MINUTE, NOW
from tests.support.webhook_forms import SIEM, Form, form
from tui.app import TocsinApp
from tui.screens.dialogs import ConfirmScreen

HERE = os.uname().nodename
OPEN = "your draft of this form is open in another terminal"


@dataclass
class Seat(Bench):
    """A terminal of the same login, with a worker of its own."""

    worker_id: str = ""

    def app(self, *given: object, **named: object) -> TocsinApp:
        app = super().app()
        worker = SimpleNamespace(id=self.worker_id)
        app._access = replace(app._access, worker=worker)
        app.live.own_worker = lambda: self.worker_id
        return app


def seat(bench: Bench, name: str, *, host: str = HERE, pid: int | None = None) -> Seat:
    pid = os.getpid() if pid is None else pid
    record = StoredWorker(name, host, pid, "terminal", False, NOW, NOW)
    bench.opened.call(workers.enter, record)
    return Seat(bench.opened, bench.clock, name)


async def type_name(shown: Form, name: str) -> None:
    await shown.write("name", name)
    await shown.app.screen.draft_keeper.keep()  # type: ignore[attr-defined]


def ended_pid() -> int:
    """The number of a process that is no more."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def asks(shown: Form) -> bool:
    return isinstance(shown.app.screen, ConfirmScreen)


@pytest.mark.parametrize("editing", [None, 1])
def test_a_draft_that_is_open_elsewhere_is_not_offered_and_stays(
    bench: Bench, editing: int | None
) -> None:
    bench.store.add(SIEM)
    here, there = seat(bench, "here"), seat(bench, "there")

    async def scene() -> None:
        async with form(here, editing=editing) as typing:
            await type_name(typing, "typed")
            async with form(there, editing=editing) as shown:
                assert not asks(shown)
                assert shown.value("name") != "typed"
                assert f"{OPEN} (pid {os.getpid()})" in told(shown.app)[-1]
                await shown.press("escape")
                assert shown.result == [None]
        async with form(there, editing=editing) as shown:
            assert asks(shown)
            await shown.press("enter")
            assert shown.value("name") == "typed"
            async with form(here, editing=editing) as again:
                assert not asks(again)  # whoever went on with it has it now

    asyncio.run(scene())


@pytest.mark.parametrize("gone", ["killed", "silent on another host", "never there"])
def test_a_terminal_that_is_gone_holds_no_draft(bench: Bench, gone: str) -> None:
    here, there = seat(bench, "here"), seat(bench, "there")

    async def scene() -> None:
        async with form(here) as typing:
            await type_name(typing, "typed")
            if gone == "killed":
                bench.opened.call(workers.leave, "here")
                seat(bench, "here", pid=ended_pid())
            elif gone == "never there":
                bench.opened.call(workers.leave, "here")
            else:
                bench.opened.call(workers.leave, "here")
                seat(bench, "here", host="hub")
                bench.clock.now_ms += MINUTE
            async with form(there) as shown:
                assert asks(shown)

    asyncio.run(scene())


def test_a_draft_that_is_open_elsewhere_does_not_wait_for_anybody(bench: Bench) -> None:
    here, there = seat(bench, "here"), seat(bench, "there")

    async def scene() -> None:
        async with form(here) as typing:
            await type_name(typing, "typed")
            async with there.running() as (app, pilot):
                await pilot.pause()
                await app.workers.wait_for_complete()
                assert "draft" not in screen_text(app)
        async with there.running() as (app, pilot):
            await app.workers.wait_for_complete()
            while "a draft waits" not in screen_text(app):
                await pilot.pause(0.05)

    asyncio.run(scene())
