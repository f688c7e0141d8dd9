"""What a source is: something that is polled, or something that others hand events to.

None knows of delivery, and none can stop another.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import msgspec

from domain.events import Event, RefusedText
from domain.settings import DAY_MS

if TYPE_CHECKING:
    from sources.inlet import Inlet


LOSS_WARNING_MS = DAY_MS
"""For so long a warning says that something was lost: nobody looks every minute."""


def is_recent_loss(lost_ms: int | None, now_ms: int) -> bool:
    """Tell whether a loss is so recent that the source warns of it."""
    return lost_ms is not None and 0 <= now_ms - lost_ms < LOSS_WARNING_MS


class Batch(msgspec.Struct, frozen=True):
    """What one poll gave: events, and the state that the next poll starts from.

    `warning` tells of what the poll could not see although it succeeded; `more` says that the
    next poll would find more at once. With a `failure` nothing was seen: there are no events, but
    the state moves on all the same, and the failure counts if there is no more to be had.
    `refused` is what was taken and is no event; it is kept until somebody deals with it.
    """

    events: tuple[Event, ...]
    state: bytes
    warning: str = ""
    more: bool = False
    failure: SourceError | None = None
    refused: tuple[RefusedText, ...] = ()


class SourceError(Exception):
    """A poll failed, and nothing is known of what it would have seen. `cure` is for the admin."""

    def __init__(self, reason: str, cure: str) -> None:
        super().__init__(f"{reason}; {cure}")
        self.reason = reason
        self.cure = cure


class Source(Protocol):
    """What is looked at again and again."""

    @property
    def name(self) -> str:
        """The name under which the store keeps it."""

    def poll(self, now_ms: int, state: bytes | None) -> Batch:
        """Look once. `state` is what the last saved batch gave, None at first.

        It runs in a thread of its own and may block; it raises SourceError if it cannot see.
        """


class Service(Protocol):
    """What programs hand events to."""

    @property
    def name(self) -> str:
        """The name under which the store keeps it."""

    async def serve(self, inlet: Inlet, stop: asyncio.Event) -> None:
        """Answer until `stop`, whatever clients do; raise SourceError if it cannot begin."""
