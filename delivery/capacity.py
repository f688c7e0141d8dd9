"""Limit of attempts under way at once, as far as descriptors and memory allow."""

from __future__ import annotations

import resource
from contextlib import suppress

from delivery.slots import Slots

MOST_WAITING = 1_000
"""Attempts that wait for an answer, beside those that connect and send."""

MOST_BODY_BYTES = 128 << 20
"""Bodies of attempts under way: with a copy of each in the network's buffers, half of the memory
that the service's unit allows."""

SPARE_DESCRIPTORS = 256
"""Left for the store, the sources and their clients."""


def attempt_slots(concurrency: int) -> Slots:
    """Slots for so many attempts that connect and send, and places for those that wait."""
    wanted = concurrency + MOST_WAITING
    limit = descriptors(wanted + SPARE_DESCRIPTORS)
    allowed = max(limit - SPARE_DESCRIPTORS, limit // 2)
    return Slots(concurrency, min(wanted, allowed), MOST_BODY_BYTES)


def descriptors(wanted: int) -> int:
    """Limit of files and connections of this process, raised to what is wanted.

    Not further than that: the programs that sources start inherit it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    if soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
    return soft
