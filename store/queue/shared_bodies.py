"""Bodies that webhooks share: joined and hashed once for all that send the same bytes.

Events never change once they are stored. So the bytes of a request from the queue follow from the
few values of `QueuePosition` and the limits; a `BodyKey` is made from all of them. A retry does
without: it joins its body again and compares.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import NamedTuple

from domain import bodies
from store.records import Limits

MOST_BYTES = 8 << 20
"""Bytes of the bodies that are kept: those of the webhooks that are at about the same place."""

ENTRY_BYTES = 600
"""Memory that a body takes beside its bytes: of single events that is more than these."""


class QueuePosition(NamedTuple):
    """Everything of a webhook that its next request from the queue depends on."""

    type: str
    cursor: int
    run_until: int
    max_events: int | None
    max_bytes: int | None
    extra_fields: str

    @property
    def is_in_run(self) -> bool:
        """True if something is left of the current run."""
        return self.cursor < self.run_until


class BodyKey(NamedTuple):
    """Everything that the bytes of a body depend on: which events of the queue, and their form.

    They are as many after `after` as fit into `max_bytes`, none of them after `until`.
    """

    type: str
    after: int
    until: int
    max_bytes: int
    splice: bytes
    layout: int


class JoinedBody(NamedTuple):
    """Body of a request and the number of its last event."""

    content: bytes
    sha256: str
    last: int


def key_of(position: QueuePosition, limits: Limits) -> BodyKey:
    """Return the key of a webhook's next body from the queue."""
    most = position.max_events or limits.max_events
    return BodyKey(
        position.type,
        position.cursor,
        min(position.run_until, position.cursor + most),
        position.max_bytes or limits.max_bytes,
        _splice(position.extra_fields),
        bodies.LAYOUT,
    )


class SharedBodies:
    """The bodies that were joined last, used on the store's thread alone."""

    def __init__(self) -> None:
        self._kept: dict[BodyKey, JoinedBody] = {}
        self._bytes = 0

    def find(self, key: BodyKey) -> JoinedBody | None:
        """Return a body that is kept."""
        return self._kept.get(key)

    def keep(self, key: BodyKey, body: JoinedBody) -> None:
        """Keep a body in place of the oldest ones."""
        self._kept[key] = body
        self._bytes += len(body.content) + ENTRY_BYTES
        while self._bytes > MOST_BYTES:
            oldest = next(iter(self._kept))
            self._bytes -= len(self._kept.pop(oldest).content) + ENTRY_BYTES


@lru_cache(maxsize=256)
def _splice(extra_fields: str) -> bytes:
    return bodies.splice([(key, value) for key, value in json.loads(extra_fields)])
