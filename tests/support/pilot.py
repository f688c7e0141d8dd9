"""Textual's pilot in less time: idleness is known by signals, and a stylesheet is parsed once.

Textual's own wait sleeps 20 ms, twice a key, and looks whether the CPU was busy meanwhile.
"""

from __future__ import annotations

import asyncio
import math
from asyncio import AbstractEventLoop, Future
from asyncio.base_events import BaseEventLoop
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import pytest
from textual._context import active_app
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

_Work = WeakKeyDictionary[AbstractEventLoop, set[Future[Any]]]
THREADS_S = 20.0
"""Longest wait for work in other threads."""
HELD_UP_S = 1.0
"""The same in a test that holds some of it up on purpose."""
BATCH_S = 1.0
"""Longest wait for the end of a batch of changes: one that is open when the app ends never ends."""
LONGEST_S = 60.0
"""Longest wait for an app that never comes to rest."""
MOST_PAINTS = 200
"""A panel that keeps the screen below it asks for paints that never come."""
SOON_S = 0.02
"""Timers due so soon belong to what was done: a terminal's new size is told after 8 ms."""
MOST_TIMERS = 5
"""Number of timers due later than SOON_S after the beginning that are waited for too.

A busy machine makes timers late that belong to what was done.
"""


@contextmanager
def idle_by_signals() -> Iterator[None]:
    """Let the pilot go on as soon as nothing is left to do, for as long as the block lasts."""
    work: _Work = WeakKeyDictionary()
    held_up: WeakSet[Future[Any]] = WeakSet()
    run_in_executor: Callable[..., Future[Any]] = BaseEventLoop.run_in_executor

    def counted(loop: BaseEventLoop, *arguments: Any) -> Future[Any]:
        future = run_in_executor(loop, *arguments)
        under_way = work.setdefault(loop, set())
        under_way.add(future)
        future.add_done_callback(under_way.discard)
        return future

    async def wait_for_idle(min_sleep: float = 0, max_sleep: float = 1) -> None:
        await _idle(work, held_up)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseEventLoop, "run_in_executor", counted)
        patch.setattr("textual.pilot.wait_for_idle", wait_for_idle)
        patch.setattr("textual.app.wait_for_idle", wait_for_idle)
        yield


@contextmanager
def stylesheets_parsed_once() -> Iterator[None]:
    """Let all apps of the process share what their stylesheets say, while the block lasts."""
    known: dict[object, list[RuleSet]] = {}
    parse: Callable[..., list[RuleSet]] = Stylesheet._parse_rules

    def remembered(sheet: Stylesheet, *arguments: Any, **named: Any) -> list[RuleSet]:
        key = (arguments, *named.items(), *sheet._variables.items())
        if key not in known:
            known[key] = parse(sheet, *arguments, **named)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", remembered)
        yield


async def _idle(work: _Work, held_up: WeakSet[Future[Any]]) -> None:
    """Wait until no callback is ready, no work is in a thread and no repaint or timer is due.

    Work that a test holds up is waited for once.
    """
    loop = asyncio.get_running_loop()
    ready = loop._ready  # type: ignore[attr-defined]  # the loop tells it nowhere else
    began_s, paints, timers = loop.time(), 0, 0
    while loop.time() < began_s + LONGEST_S:
        await asyncio.sleep(0)
        if ready:
            continue
        if under_way := work.get(loop, set()) - set(held_up):
            done, late = await asyncio.wait(
                under_way, timeout=THREADS_S, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                held_up.update(late)
        elif active_app.get()._batch_count and loop.time() < began_s + BATCH_S:
            await asyncio.sleep(0.001)  # what is changed together is painted at its end
        elif paints < MOST_PAINTS and _painted():
            paints += 1
        else:
            due_s = _next_timer_s(loop)
            if due_s > began_s + SOON_S:
                timers += 1
                if timers > MOST_TIMERS or due_s > loop.time() + SOON_S:
                    return
            await asyncio.sleep(due_s - loop.time())


def _next_timer_s(loop: AbstractEventLoop) -> float:
    """The loop's time of the next timer."""
    timers = loop._scheduled  # type: ignore[attr-defined]  # the loop tells it nowhere else
    return min((timer.when() for timer in timers if not timer.cancelled()), default=math.inf)


def _painted() -> bool:
    """Lay out and paint as the screen's timer would within 17 ms; True if there was anything."""
    screen: Any = active_app.get().screen
    due: bool = screen._update_timer._active.is_set() or _is_unpainted(screen)
    if due:
        screen._on_timer_update()
    return due and not screen.app._batch_count


def _is_unpainted(screen: Any) -> bool:
    """True also where the timer ran in vain: within a batch it paints nothing."""
    return bool(screen._layout_required or screen._repaint_required or screen._dirty_widgets)
