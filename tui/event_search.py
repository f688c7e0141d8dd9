"""Search through the events of a type: newest first, a stretch at a time, until it has enough."""

from __future__ import annotations

from domain.event_types import EventType
from domain.filters import HasText, Term, Terms
from store import event_listing
from store.event_listing import SCANNED_ROWS, Extent
from tui.state.store_access import Desk

MOST_FOUND = 5_000


class EventSearch:
    """Search of one type; `found` has the numbers of the events found so far, newest first."""

    def __init__(self, type_: EventType, terms: Terms, extent: Extent) -> None:
        self.found: list[int] = []
        self._type = type_
        self._terms = terms
        self._start = self._top = self._place = extent.head
        self._bottom = extent.pruned

    @property
    def is_over(self) -> bool:
        """True if all was searched, or enough was found."""
        return self._is_full or self._place <= self._bottom

    @property
    def progress(self) -> str:
        """The progress in words: "12 of 1,000,000", "3 found, looked at 40,000 of 1,000,000"."""
        count, total = len(self.found), max(0, self._top - self._bottom)
        if self._is_full:
            return f"the newest {count:,} found"
        if self._place <= self._bottom:
            return f"{count:,} of {total:,}"
        return f"{count:,} found, looked at {self._top - self._place:,} of {total:,}"

    @property
    def _is_full(self) -> bool:
        return len(self.found) >= MOST_FOUND

    async def go_on(self, desk: Desk) -> None:
        """Search the next stretch of older events; first of all for the id. Raises Refused."""
        match self._terms:
            case (Term(HasText(id_), False),) if self._place == self._start:
                by_id = await desk.read(event_listing.seq_of, self._type, id_)
                self._add([] if by_id is None else [by_id])
        above = max(self._bottom, self._place - SCANNED_ROWS)
        self._add(await self._scan(desk, above, self._place))
        self._place = above

    async def catch_up(self, desk: Desk, head: int) -> None:
        """Search the events that came since. Raises Refused."""
        for above in range(self._top, head, SCANNED_ROWS):
            self._add(await self._scan(desk, above, min(head, above + SCANNED_ROWS)))
            self._top = min(head, above + SCANNED_ROWS)

    async def _scan(self, desk: Desk, above: int, up_to: int) -> list[int]:
        return await desk.read(
            event_listing.scan, self._type, self._terms, above=above, up_to=up_to
        )

    def _add(self, seqs: list[int]) -> None:
        self.found = sorted({*self.found, *seqs}, reverse=True)[:MOST_FOUND]
