"""Feed of the list of events: those of one type, all or those that a search found."""

from __future__ import annotations

from collections.abc import Sequence

from domain.event_types import EventType
from domain.filters import HasText, Term, Terms, phrase_terms
from domain.safe import safe
from store.events import reading
from store.events.reading import SCANNED_ROWS, Extent
from tui.events.rows import empty_text, key_of, keys_of
from tui.state.store_access import StoreAccess
from tui.widgets.type_tabs import short_count

MOST_FOUND = 5_000
MOST_IDS = 1_000_000
"""Events of a type whose ids are all looked at at once: a tenth of a second."""


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
    def _is_small(self) -> bool:
        return self._start - self._bottom <= MOST_IDS

    @property
    def _is_full(self) -> bool:
        return len(self.found) >= MOST_FOUND

    async def go_on(self, access: StoreAccess) -> None:
        """Search the next stretch of older events; first of all for the id. Raises Refused.

        Among very many events the id is found as other text is: its search would hold up others.
        """
        match self._terms:
            case (Term(HasText(id_), False),) if self._place == self._start and self._is_small:
                by_id = reading.numbers_with_id
                self._add(await access.read(by_id, id_, self._type, limit=MOST_FOUND))
        above = max(self._bottom, self._place - SCANNED_ROWS)
        self._add(await self._scan(access, above, self._place))
        self._place = above

    async def catch_up(self, access: StoreAccess, head: int) -> None:
        """Search the events that came since. Raises Refused."""
        for above in range(self._top, head, SCANNED_ROWS):
            self._add(await self._scan(access, above, min(head, above + SCANNED_ROWS)))
            self._top = min(head, above + SCANNED_ROWS)

    async def _scan(self, access: StoreAccess, above: int, up_to: int) -> list[int]:
        return await access.read(reading.scan, self._type, self._terms, above=above, up_to=up_to)

    def _add(self, seqs: list[int]) -> None:
        self.found = sorted({*self.found, *seqs}, reverse=True)[:MOST_FOUND]


class EventFeed:
    """Rows of the list; `following` lets new events in, without it only pruned ones go."""

    def __init__(self, type_: EventType) -> None:
        self.type = type_
        self.following = True
        self._extents: dict[EventType, Extent] = {}
        self._head = 0
        self.text = ""
        self._search: EventSearch | None = None

    @property
    def counts(self) -> dict[EventType, int]:
        """The number of events of each type that are kept."""
        return {type_: extent.count for type_, extent in self._extents.items()}

    @property
    def keys(self) -> Sequence[int]:
        """The keys of the rows, newest first."""
        if self._search is not None:
            return [key_of(self.type, seq) for seq in self._search.found]
        return keys_of(self.type, self._head, min(self._head, self._extent.pruned))

    @property
    def note(self) -> str:
        """A note that the list follows, or of how many events came since it stopped."""
        if self._search is not None:
            return ""
        news = self._extent.head - self._head
        if self.following:
            return "● following"
        return f"▲ {short_count(news)} new" if news else "‖ stopped"

    @property
    def title(self) -> str:
        """The title of the list: the type or the search, and how many events."""
        if self._search is None:
            return f"{self.type.title} ── {len(self.keys):,}"
        return f"{self.type.title} ── /{safe(self.text, 30)} ── {self._search.progress}"

    @property
    def emptiness(self) -> str:
        """The text in place of an empty list; "" if there are rows."""
        if self.keys:
            return ""
        if self._search is not None:
            return f"No {self.type.title} with this text: {self._search.progress}."
        return empty_text(self.type)

    def start(self, type_: EventType, text: str) -> None:
        """Begin anew with the newest events of a type, all or those with a text."""
        terms = phrase_terms(text)
        self.type = type_
        self.text = text
        self._search = EventSearch(type_, terms, self._extent) if terms else None
        self.following = True
        self.catch_up()

    async def read(self, access: StoreAccess) -> None:
        """Read how many events there are now. Raises Refused."""
        self._extents = await access.read(reading.extents)
        if self._search is not None:
            await self._search.catch_up(access, self._extent.head)

    async def search_on(self, access: StoreAccess) -> bool:
        """Search a little further; return False if there is nothing left. Raises Refused."""
        search = self._search
        if search is None or search.is_over:
            return False
        await search.go_on(access)
        return True

    def catch_up(self) -> None:
        """Let new events in, if the list follows."""
        if self.following:
            self._head = self._extent.head

    @property
    def _extent(self) -> Extent:
        return self._extents.get(self.type, Extent())
