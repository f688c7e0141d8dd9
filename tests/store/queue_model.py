"""Model of a webhook's queue without any database: lists of events, and who moves them."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.event_types import EventType


@dataclass(frozen=True)
class Item:
    """An accepted event; `place` counts all accepted events, of whatever type."""

    place: int
    type: EventType
    received_ms: int


@dataclass
class Held:
    """An event in quarantine; `number` is the order in which events came there."""

    item: Item
    number: int
    released_ms: int | None = None


@dataclass
class Pending:
    """A sealed delivery, and what the admin asked of it while an attempt was in flight."""

    id: str
    body: bytes
    items: list[Item]
    released: Held | None = None
    in_flight: bool = True
    attempts: int = 1
    asked: tuple[str, int | None, Item | None] | None = None


@dataclass
class Model:
    """One webhook: every accepted event of its type is in exactly one of these places."""

    type: EventType
    active: bool = True
    deleted_ms: int | None = None
    queue: list[Item] = field(default_factory=list)
    run: int = 0
    redo: list[Item] = field(default_factory=list)
    redo_most: int | None = None
    held: list[Held] = field(default_factory=list)
    pending: Pending | None = None
    delivered: list[Item] = field(default_factory=list)
    sent_alone: set[Item] = field(default_factory=set)
    dropped: int = 0
    accepted: int = 0

    @property
    def released(self) -> list[Held]:
        """Released from quarantine and not yet sealed, in the order in which they go."""
        waiting = [held for held in self.held if held.released_ms is not None]
        return sorted(waiting, key=lambda held: (held.released_ms, held.number))

    @property
    def queued(self) -> int:
        """Not yet sealed."""
        return len(self.queue) + len(self.redo) + len(self.released)

    def accept(self, items: list[Item]) -> None:
        self.queue += items
        self.accepted += len(items)

    def seal(self, most: int, *, new_run: bool) -> tuple[list[Item], Held | None]:
        """Take the events of the next delivery."""
        if new_run:
            self.run = len(self.queue)
        if self.redo:
            taken, self.redo = _split(self.redo, min(most, self.redo_most or most))
            return taken, None
        if self.released:
            held = self.released[0]
            self.held.remove(held)
            return [held.item], held
        taken, self.queue = _split(self.queue, min(most, self.run))
        self.run -= len(taken)
        return taken, None

    def deliver(self) -> None:
        pending = self._ended()
        self.delivered += pending.items
        if pending.released:
            self.sent_alone |= set(pending.items)

    def skip(self) -> None:
        self.dropped += len(self._ended().items)

    def reseal(self, most: int | None, without: Item | None, number: int) -> None:
        """Put a delivery's events back in front, or the one that is left out into quarantine."""
        pending = self._ended()
        if pending.released:
            released_ms = None if without else pending.released.released_ms
            self.held.append(Held(pending.items[0], pending.released.number, released_ms))
            return
        rest = [item for item in pending.items if item != without]
        if without:
            self.held.append(Held(without, number))
        if rest:
            self.redo, self.redo_most = rest + self.redo, most

    def fail(self, number: int) -> None:
        """An attempt failed or was cut off: what was asked meanwhile is done now."""
        assert self.pending is not None
        self.pending.in_flight = False
        self.ask(self.pending.asked, number)

    def ask(self, asked: tuple[str, int | None, Item | None] | None, number: int) -> None:
        if asked and asked[0] == "skip":
            self.skip()
        elif asked:
            self.reseal(asked[1], asked[2], number)

    def skip_before(self, before_ms: int) -> int:
        """Drop what waits up to the first event that was accepted later."""
        backlog = self.redo + self.queue
        count = next(
            (place for place, item in enumerate(backlog) if item.received_ms >= before_ms),
            len(backlog),
        )
        from_redo = min(count, len(self.redo))
        self.redo = self.redo[from_redo:]
        self.queue = self.queue[count - from_redo :]
        self.run = max(0, self.run - (count - from_redo))
        self.dropped += count
        return count

    def change_type(self, type_: EventType) -> int:
        """Give up the queue of the old type, unless it is the same."""
        if type_ is self.type:
            return 0
        count = len(self.queue)
        self.type, self.queue, self.run = type_, [], 0
        self.dropped += count
        return count

    def undelivered(self) -> list[Item]:
        """Everything that must still be in the store."""
        sealed = self.pending.items if self.pending else []
        return sealed + self.redo + [held.item for held in self.held] + self.queue

    def _ended(self) -> Pending:
        assert self.pending is not None
        pending, self.pending = self.pending, None
        return pending


def _split(items: list[Item], count: int) -> tuple[list[Item], list[Item]]:
    return items[:count], items[count:]
