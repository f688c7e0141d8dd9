"""Exceptions of handlers, caught before Textual sees them; apart since the hooks are private.

Textual ends the message loop that an exception comes from: that of a widget leaves a deaf screen
behind, that of the app ends it without a word. One without the private parts used here does so.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from textual.app import App
from textual.dom import DOMNode
from textual.message import Message
from textual.widget import Widget


class CatchingApp(App[int]):
    """App that goes on after an exception, which `handle_failure` gets."""

    def handle_failure(self, error: Exception) -> None:
        """Handle an exception in place of Textual."""
        raise NotImplementedError

    def _handle_exception(self, error: Exception) -> None:
        self.handle_failure(error)

    async def _dispatch_message(self, message: Message) -> None:
        await self._catch(super()._dispatch_message(message))

    def _register_child(
        self, parent: DOMNode, child: Widget, *place: Any, **named_place: Any
    ) -> None:
        """Catch for a screen or widget, each of which is registered before its first message."""
        super()._register_child(parent, child, *place, **named_place)
        dispatch = getattr(type(child), "_dispatch_message", None)
        if dispatch is not None:
            child._dispatch_message = (  # type: ignore[method-assign]
                lambda message: self._catch(dispatch(child, message))
            )

    async def _catch(self, handling: Awaitable[None]) -> None:
        try:
            await handling
        except Exception as error:
            self.handle_failure(error)
