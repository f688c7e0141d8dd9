"""Ids of the deliveries that a list shows, in their order, and when new ones may move it."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from store.queue.delivery_list import SearchResult


class NewestFirst(Sequence[int]):
    """Ids of deliveries: those that wait, then those that ended, the last to end first."""

    def __init__(self, waiting: Sequence[int], over: array[int]) -> None:
        """`waiting` is newest first already; `over` is in the order of ending."""
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
        return key in self._waiting or key in self._over

    def index(self, value: int, start: int = 0, stop: int | None = None) -> int:
        """Return the index of a row; the whole list is searched."""
        if value in self._waiting:
            return self._waiting.index(value)
        return len(self) - 1 - self._over.index(value)


class DeliveryRowIds:
    """Ids of the rows of a search, updated by reads of what is new or may have changed."""

    def __init__(self) -> None:
        self.last_id = 0
        self.total = 0
        self.open_ids: frozenset[int] = frozenset()
        self._waiting: set[int] = set()
        self._over = array("q")
        self._held: list[int] = []
        self._ended: list[int] = []  # while rows are held back, these and those that are shown

    @property
    def count(self) -> int:
        """The number of rows that the search finds, shown or held back."""
        return len(self._waiting) + len(self._over) + len(self._held)

    @property
    def held(self) -> int:
        """The number of rows that are held back."""
        return len(self._held)

    def keys(self) -> NewestFirst:
        """Return the ids to show, valid until the next update."""
        return NewestFirst(sorted(self._waiting, reverse=True), self._over)

    def is_overtaken(self, page: SearchResult) -> bool:
        """Return True if deliveries were pruned since: then all is to be read again."""
        return page.total < self.total

    def start(self, page: SearchResult) -> None:
        """Begin with all that was found."""
        self._held, self._ended, self._waiting, self._over = [], [], set(), array("q")
        self._note(page)
        self._put(page.found)

    def update(self, page: SearchResult, *, hold: bool) -> bool:
        """Take in what was read, without new rows yet if `hold`; return True if rows changed."""
        before = self._waiting, len(self._over)
        shown = [key for key in page.found if key in self._waiting]
        arrived = [key for key in page.found if key not in self._waiting]
        gone = self.open_ids.union(arrived)
        self._held = [*(key for key in self._held if key not in gone), *arrived]
        self._note(page)
        self._ended += [key for key in page.found if key not in self.open_ids]
        self._waiting = set()
        self._put(shown)
        if not hold or not self._held:
            self.release()
        return before != (self._waiting, len(self._over))

    def release(self) -> None:
        """Show the rows that were held back, in order among those that ended meanwhile."""
        held, self._held = set(self._held), []
        shown = sum(key not in held for key in self._ended)
        del self._over[len(self._over) - shown :]
        self._put([*self._ended, *(held & self.open_ids)])
        self._ended = []

    def _put(self, keys: Iterable[int]) -> None:
        for key in keys:
            if key in self.open_ids:
                self._waiting.add(key)
            else:
                self._over.append(key)

    def _note(self, page: SearchResult) -> None:
        self.last_id, self.total, self.open_ids = page.last_id, page.total, page.open_ids


class RateLimit:
    """Rate limit of moves: one in each `each_ms`, and up to `at_once` more after a quiet time."""

    def __init__(self, each_ms: int, at_once: int) -> None:
        self._each_ms = each_ms
        self._most_ms = each_ms * at_once
        self._saved_ms = self._most_ms
        self._last_ms: int | None = None

    def take(self, now_ms: int) -> bool:
        """Take a move if there is one to take. A clock that was set back adds nothing."""
        passed = max(0, now_ms - (now_ms if self._last_ms is None else self._last_ms))
        self._last_ms = now_ms
        self._saved_ms = min(self._most_ms, self._saved_ms + passed)
        if self._saved_ms < self._each_ms:
            return False
        self._saved_ms -= self._each_ms
        return True
