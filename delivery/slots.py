"""How many requests are in flight at once, so that bad receivers leave room for good ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
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
    async def take(self, *, failing: bool) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Wait for a slot and hold it; what is given is to be called when it fails no more."""
        async with AsyncExitStack() as as_failing:
            if failing:
                await as_failing.enter_async_context(self._failing)
            await self._acquire()
            try:
                yield as_failing.aclose
            finally:
                self._all.release()

    async def _acquire(self) -> None:
        self._waiting += 1
        try:
            await self._all.acquire()
        finally:
            self._waiting -= 1
