"""What an admin asked for, done one after the other; it outlives the screen that asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any


class Turns:
    """Gives each change its turn, so that an undo finds what was done before it."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._asked = 0

    @property
    def asked(self) -> int:
        """How many changes were asked for and are not done yet."""
        return self._asked

    @property
    def under_way(self) -> bool:
        """Whether something that was asked for is not done yet."""
        return self._asked > 0

    def take(self, change: Callable[[], Awaitable[None]]) -> Coroutine[Any, Any, None]:
        """Line up at once; what is given does the change when those before it are done."""
        self._asked += 1
        return self._in_turn(change)

    async def _in_turn(self, change: Callable[[], Awaitable[None]]) -> None:
        try:
            async with self._turn:
                await change()
        finally:
            self._asked -= 1
