"""How many requests are in flight at once, so that bad receivers leave room for good ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager


class Slots:
    """`total` requests at once; webhooks whose last attempt failed use three quarters at most."""

    def __init__(self, total: int) -> None:
        self._all = asyncio.Semaphore(total)
        self._failing = asyncio.Semaphore(max(1, total * 3 // 4))
        self._waiting = 0

    @property
    def wanted(self) -> bool:
        """Whether somebody waits: then a webhook in a long drain lets the next one in."""
        return self._waiting > 0

    @asynccontextmanager
    async def take(self, *, failing: bool) -> AsyncIterator[None]:
        """Wait for a slot and hold it."""
        async with AsyncExitStack() as held:
            self._waiting += 1
            try:
                if failing:
                    await held.enter_async_context(self._failing)
                await held.enter_async_context(self._all)
            finally:
                self._waiting -= 1
            yield
