"""Lock that goes round among clients.

Apart, since the intake and the bodies of HTTP use it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class FairLock:
    """Lock that client after client gets, however many requests one has.

    Used inside one event loop.
    """

    def __init__(self) -> None:
        self._held = False
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def turn(self, client: Hashable) -> AsyncIterator[None]:
        """Hold the lock, when it is this client's turn."""
        await self._acquire(client)
        try:
            yield
        finally:
            self._pass_on()

    async def _acquire(self, client: Hashable) -> None:
        if not self._held:
            self._held = True
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it came at the same moment
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            client = next(iter(self._waiting))
            turns = self._waiting.pop(client)
            turn = turns.popleft()
            if turns:  # behind all others
                self._waiting[client] = turns
            if not turn.done():
                turn.set_result(None)
                return
        self._held = False
