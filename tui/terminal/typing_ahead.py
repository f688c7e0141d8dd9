"""Typing ahead: one key after the other, also when several arrive at once over a slow line.

Textual hands a key to the widget that has the focus, and what nobody took travels up from there to
the app, which does what it is bound to. The next key sets out before that: behind Tab it would go
to the field before, and behind the key of a filter to the list. A screen that has to read something
before it can be typed into, or whose keys are for rows that are not there yet, says when it is
ready; until then the keys wait. The key that quits waits for nothing that is read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from textual import events, on
from textual.events import Event
from textual.message import Message

from tui.terminal.overlays import OverlayApp

QUIT = "quit"
"""The id of the app's own key that ends it."""

PATIENCE_S = 0.5
"""Longest wait until the key before is handled; the widget that handles it may be gone."""


class KeyHandled(Message):
    """A key was handled: this follows it the same way, and comes to the app after it."""


class KeysMayCome(Message):
    """A screen is ready for the keys that wait for it."""


@runtime_checkable
class TakesKeys(Protocol):
    """Screen whose keys wait until `takes_keys`, but for those that are not for it."""

    takes_keys: bool

    def must_wait(self, event: events.Key | events.Paste) -> bool:
        """Return True if a key may be for this screen, and so has to wait."""


class OrderedKeysApp(OverlayApp):
    """App that hands a key on when the one before was handled and the screen takes keys."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting_keys: deque[events.Key | events.Paste] = deque()
        self._under_way: KeyHandled | None = None
        self._awaited: TakesKeys | None = None
        self._dropped = 0

    def take_dropped(self) -> int:
        """Return the number of keys dropped for the one that quits, since the last call."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    async def on_event(self, event: Event) -> None:
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
            return
        self._forget_keys_for_nobody()
        self._waiting_keys.append(event)
        if self._under_way is None:
            await self._hand_on()
        else:
            under_way = self._under_way
            self.set_timer(PATIENCE_S, lambda: self._has_arrived(under_way))

    async def _hand_on(self) -> None:
        self._forget_keys_for_nobody()
        while self._waiting_keys and self._under_way is None:
            if self._has_to_wait() and not self._drop_what_waits_before_quit():
                return
            event = self._waiting_keys.popleft()
            await super().on_event(event)
            if event.is_forwarded:
                follower = KeyHandled()
                if (self.focused or self.screen).post_message(follower):
                    self._under_way = follower

    def _has_to_wait(self) -> bool:
        screen = self.screen
        if not isinstance(screen, TakesKeys) or screen.takes_keys:
            return False
        if not screen.must_wait(self._waiting_keys[0]):
            return False
        self._awaited = screen
        return True

    def _drop_what_waits_before_quit(self) -> bool:
        """Drop the keys before one that quits, if there is such a one; return True then."""
        quits = (place for place, key in enumerate(self._waiting_keys) if self._is_quit(key))
        place = next(quits, None)
        if place is None:
            return False
        for _ in range(place):
            self._waiting_keys.popleft()
        self._dropped += place
        return True

    def _is_quit(self, event: events.Key | events.Paste) -> bool:
        if not isinstance(event, events.Key):
            return False
        active = self.screen.active_bindings.get(event.key)
        return active is not None and active.node is self and active.binding.id == QUIT

    def _forget_keys_for_nobody(self) -> None:
        """Drop the keys for a screen that never came: they must do nothing on the one below."""
        if self._awaited is None:
            return
        stack: Sequence[object] = self.screen_stack
        if self._awaited.takes_keys:
            self._awaited = None
        elif self._awaited not in stack:
            self._awaited = None
            self._waiting_keys.clear()

    @on(KeysMayCome)
    async def _screen_takes_keys(self) -> None:
        await self._hand_on()

    @on(KeyHandled)
    async def _travelled(self, message: KeyHandled) -> None:
        await self._has_arrived(message)

    async def _has_arrived(self, follower: KeyHandled) -> None:
        if self._under_way is follower:
            self._under_way = None
            await self._hand_on()
