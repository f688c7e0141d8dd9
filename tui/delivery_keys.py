"""Which deliveries a list shows, in which order, and which new ones it still holds back."""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from typing import overload

from store.listing import Look


class NewestFirst(Sequence[int]):
    """What waits, then what is over; each newest first. A row is found without a search."""

    def __init__(self, waiting: Sequence[int], over: Sequence[int]) -> None:
        """`waiting` is newest first already; `over` is in the order of sealing."""
        self._waiting = waiting
        self._over = over

    def __len__(self) -> int:
        return len(self._waiting) + len(self._over)

    @overload
    def __getitem__(self, index: int) -> int: ...

    @overload
    def __getitem__(self, index: slice) -> list[int]: ...

    def __getitem__(self, index: int | slice) -> int | list[int]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        if place < len(self._waiting):
            return self._waiting[place]
        return self._over[len(self) - 1 - place]

    def __iter__(self) -> Iterator[int]:
        yield from self._waiting
        yield from reversed(self._over)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, int) and (key in self._waiting or self._place(key) is not None)

    def index(self, value: int, start: int = 0, stop: int | None = None) -> int:
        """The place of a row; the whole list is looked at."""
        if value in self._waiting:
            return self._waiting.index(value)
        place = self._place(value)
        if place is None:
            raise ValueError(f"{value} is not in the list")
        return len(self) - 1 - place

    def _place(self, key: int) -> int | None:
        place = bisect_left(self._over, key)
        return place if place < len(self._over) and self._over[place] == key else None


class DeliveryKeys:
    """The rows of a search, brought up to date by looks at what is new or may have changed."""

    def __init__(self) -> None:
        self.last_id = 0
        self.total = 0
        self.open_ids: frozenset[int] = frozenset()
        self._waiting: set[int] = set()
        self._over = array("q")
        self._held: set[int] = set()

    @property
    def count(self) -> int:
        """How many rows the search finds, shown or held back."""
        return len(self._waiting) + len(self._over) + len(self._held)

    @property
    def held(self) -> int:
        """How many rows are held back."""
        return len(self._held)

    def keys(self) -> NewestFirst:
        """The rows to show, good until the next look."""
        return NewestFirst(sorted(self._waiting, reverse=True), self._over)

    def is_overtaken(self, look: Look) -> bool:
        """Whether deliveries were pruned since: then everything is to be looked at again."""
        return look.total < self.total

    def start(self, look: Look) -> None:
        """Begin with a look at everything."""
        self._held = set()
        self._waiting = set(look.open_ids.intersection(look.found))
        self._over = array("q", (key for key in look.found if key not in look.open_ids))
        self._note(look)

    def update(self, look: Look, *, hold: bool) -> bool:
        """Take a look in; `hold`: add no rows yet. Whether the rows to show changed."""
        found = set(look.found)
        held = {key for key in self._held if key in found or key not in self.open_ids}
        arrived = found - self._waiting - held
        shown = self._waiting & found
        if not hold:
            shown |= arrived | held
        self._held = held | arrived if hold else set()
        before = self._waiting, len(self._over)
        self._note(look)
        self._waiting = set()
        self._put(shown)
        return before != (self._waiting, len(self._over))

    def release(self) -> None:
        """Show what was held back."""
        self._put(self._held)
        self._held = set()

    def _put(self, keys: set[int]) -> None:
        self._waiting |= keys & self.open_ids
        for key in keys - self.open_ids:
            insort(self._over, key)

    def _note(self, look: Look) -> None:
        self.last_id, self.total, self.open_ids = look.last_id, look.total, look.open_ids
