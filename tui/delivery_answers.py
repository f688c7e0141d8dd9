"""What became of what was asked of several deliveries: told by those that it was done to."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from store.records import Delivery
from store.requests import Asked
from tui.desk import Refused

SHORT_ID = 12
LATER = "an attempt is under way: this follows it, unless it is taken"


class Answers:
    """The deliveries by the answer to a request: done, kept until an attempt is over, refused."""

    def __init__(self) -> None:
        self.done: list[Delivery] = []
        self.later: list[Delivery] = []
        self._refusals: list[str] = []

    async def add(self, one: Delivery, request: Awaitable[Asked]) -> bool:
        """Await the answer for a delivery; whether it was not refused."""
        try:
            asked = await request
        except Refused as refused:
            self._refusals.append(str(refused))
            return False
        (self.done if asked.done else self.later).append(one)
        return True

    @property
    def refusal(self) -> str | None:
        """Why some were refused, None if none was."""
        if not self._refusals:
            return None
        more = len(self._refusals) - 1
        return self._refusals[0] + (f" (and {more:,} more were refused)" if more else "")

    def told(self, done: str) -> str | None:
        """What was done, with the deliveries' name in place of {}, and what follows later."""
        parts = [done.format(named(self.done))] if self.done else []
        if self.later:
            parts.append(f"{named(self.later)}: {LATER}" if self.done else LATER)
        return "; ".join(parts) or None


def short_id(id_: str) -> str:
    """The start of a delivery's id, enough to know it by."""
    return f"{id_[:SHORT_ID]}…"


def named(some: Sequence[Delivery]) -> str:
    """The one by its id, several by their number."""
    if len(some) == 1:
        return short_id(some[0].id)
    return f"{len(some):,} deliveries"
