"""However many keys are pressed at a store at rest, what the screen keeps does not grow."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import Sequence

import pytest
from textual.dom import DOMNode
from textual.pilot import Pilot

from tests.support.apps import Bench
from tests.support.delivery_scenes import deliver
from tests.support.stores import fields

WALKS: dict[str, Sequence[str]] = {
    "list": ("down", "down", "s", "S", "up", "space", "space", "f", "f"),
    "sections": ("2", "3", "4", "1"),
    "help": ("question_mark", "q"),
    "palette": ("ctrl+p", "escape"),
    "filter": ("slash", "s", "i", "escape"),
    "form": ("e", "escape"),
    "question": ("x", "n"),
    "delivery": ("2", "enter", "q", "1"),
    "event": ("3", "enter", "q", "1"),
}
WARM, MORE = 3, 8
PATIENCE = 100
MOST_A_WALK = 120
"""Objects of caches that are not full yet; a screen that is kept has five hundred and more."""


@pytest.mark.parametrize("walk", WALKS)
def test_walking_about_leaves_nothing_behind(bench: Bench, walk: str) -> None:
    deliver(bench, bench.store.add(fields(name="siem")), 1, 503)

    async def scene() -> None:
        async with bench.running() as (_, pilot):
            await go(pilot, WALKS[walk], WARM)
            objects, nodes = await objects_at_rest(pilot), nodes_now()
            await go(pilot, WALKS[walk], MORE)
            for _ in range(PATIENCE):
                if not nodes_now() - nodes:
                    break
                await pilot.pause(0.05)  # what was closed last may be on its way out
            assert nodes_now() - nodes == Counter()
            assert await objects_at_rest(pilot) - objects < MORE * MOST_A_WALK

    asyncio.run(scene())


async def go(pilot: Pilot[int], keys: Sequence[str], times: int) -> None:
    """Press the keys so many times, each when what the one before did is done."""
    for key in (*keys,) * times:
        await pilot.press(key)
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()


def nodes_now() -> Counter[str]:
    """Screens and widgets that are kept by something, by their classes."""
    gc.collect()
    return Counter(type(one).__name__ for one in gc.get_objects() if isinstance(one, DOMNode))


async def objects_at_rest(pilot: Pilot[int]) -> int:
    """Count the objects that may keep others, the lines of the last paint included."""
    before = now = 0
    for _ in range(PATIENCE):
        gc.collect()
        before, now = now, len(gc.get_objects())
        if abs(now - before) < MOST_A_WALK:
            break
        await pilot.pause(0.05)
    return now
