"""Bodies of POSTs: the bytes of stored events, joined; nothing is re-serialised.

A file of its own, since what it makes is frozen and checked by SHA-256.

LAYOUT 1, frozen: `[`, the events' stored bodies joined by `,`, `]`. When there are extra fields,
their members (`,"key":"value"`, compact UTF-8 JSON, in the order given) stand before the last
brace of each event. Deliveries keep the number of the layout they were sealed with, so that an
upgrade never changes the bytes of a pending one: another layout gets another number and this one
stays.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

LAYOUT = 1


def splice(extra_fields: Sequence[tuple[str, str]]) -> bytes:
    """Write extra fields as the bytes that go before an event's last brace, b"" without any."""
    return b"".join(b",%s:%s" % (_text(key), _text(value)) for key, value in extra_fields)


def join_body(bodies: Iterable[bytes], splice: bytes) -> bytes:
    """Join stored event bodies into one POST body, with `splice` added to each event."""
    if not splice:
        return b"[" + b",".join(bodies) + b"]"
    ending = splice + b"}"
    return b"[" + b",".join([body[:-1] + ending for body in bodies]) + b"]"


def body_length(total_event_bytes: int, count: int, splice_length: int) -> int:
    """Return how many bytes join_body makes of `count` events of so many bytes together."""
    commas = max(0, count - 1)
    return total_event_bytes + count * splice_length + commas + len(b"[]")


def _text(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode()
