"""All sources of a store, running until something was told."""

from __future__ import annotations

import asyncio
from itertools import count

from domain.settings import DEFAULTS
from sources.runner import Sources
from store.database import Store


def run_until_told(store: Store, begin_ms: int, *, times: int = 1) -> None:
    """Run them until events were appended so often; each look at a clock takes a second."""
    seconds = count()

    def clock() -> int:
        return begin_ms + next(seconds) * 1000

    async def whole() -> None:
        told = asyncio.Semaphore(0)
        run = Sources(
            store,
            clock,
            on_appended=told.release,
            on_failure=lambda *_: None,
            monotonic=lambda: (clock() - begin_ms) / 1000,
        )
        run.adapt(True, DEFAULTS)
        async with asyncio.timeout(60):
            for _ in range(times):
                await told.acquire()
            await run.end()

    asyncio.run(whole())
