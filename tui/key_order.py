"""One key after the other, also when several arrive in one go over a slow line.

Textual hands a key to the widget that has the focus, and what nobody took travels up from there to
the app, which does what it is bound to. The next key sets out before that: behind Tab it would go
to the field before, and behind the key of a filter to the list.
"""

from __future__ import annotations

from collections import deque

from textual import events, on
from textual.app import App
from textual.events import Event
from textual.message import Message

PATIENCE_S = 0.5
"""How long a key that waits lets the one before it travel; its widget may have gone with it."""


class Travelled(Message):
    """Follows a key the same way, so that it comes to the app when the key has done its work."""


class OrderedKeysApp(App[int]):
    """Lets a key set out when the one before it has arrived."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting_keys: deque[events.Key | events.Paste] = deque()
        self._under_way: Travelled | None = None

    async def on_event(self, event: Event) -> None:
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
            return
        self._waiting_keys.append(event)
        if self._under_way is None:
            await self._hand_on()
        else:
            under_way = self._under_way
            self.set_timer(PATIENCE_S, lambda: self._has_arrived(under_way))

    async def _hand_on(self) -> None:
        while self._waiting_keys and self._under_way is None:
            event = self._waiting_keys.popleft()
            await super().on_event(event)
            if event.is_forwarded:
                follower = Travelled()
                if (self.focused or self.screen).post_message(follower):
                    self._under_way = follower

    @on(Travelled)
    async def _travelled(self, message: Travelled) -> None:
        await self._has_arrived(message)

    async def _has_arrived(self, follower: Travelled) -> None:
        if self._under_way is follower:
            self._under_way = None
            await self._hand_on()
