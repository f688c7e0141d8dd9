"""Identifiers: base58 of 64 bits for events and resources, of 128 bits for deliveries.

The alphabet is Bitcoin's. Equal facts give equal ids, which is what makes a replayed source
harmless.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable

BASE58_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DELIVERY_ID_LENGTH = 22  # 58**22 > 2**128


def base58(number: int) -> str:
    """Write a number of 0 or more in base58, most significant digit first, not padded."""
    if number < 0:
        raise ValueError(f"base58 writes numbers of 0 or more, not {number}")
    digits: list[str] = []
    while True:
        number, remainder = divmod(number, 58)
        digits.append(BASE58_ALPHABET[remainder])
        if number == 0:
            return "".join(reversed(digits))


def event_id_from_facts(event_type: str, facts: bytes) -> str:
    """Derive the id of an event from what it says: the same facts give the same id."""
    return _hashed_id(event_type.encode() + b"\0" + facts)


def resource_id(kind: str, *parts: str) -> str:
    """Derive the id of a resource (an endpoint, an interface, a user) from what identifies it.

    `kind` is the plural of JSON:API, such as "endpoints".
    """
    return _hashed_id("\0".join((kind, *parts)).encode())


def new_event_id(random64: Callable[[], int]) -> str:
    """Make an id for an event that has no facts to derive one from."""
    return base58(random64())


def repeated_random64(key: str) -> Callable[[], int]:
    """Make a generator of equal numbers for equal keys: a text that comes again gets its ids."""
    count = itertools.count()

    def next_number() -> int:
        digest = hashlib.sha256(f"{key}\0{next(count)}".encode()).digest()
        return int.from_bytes(digest[:8], "big")

    return next_number


def new_delivery_id(random_bytes: Callable[[int], bytes]) -> str:
    """Make the public id of a delivery: "msg_" and 128 random bits in 22 characters."""
    return "msg_" + _padded_base58(random_bytes(16))


def new_test_id(random_bytes: Callable[[int], bytes]) -> str:
    """Make the id of a test; a delivery's does not begin with "msg_test_"."""
    return "msg_test_" + _padded_base58(random_bytes(16))


def hand_sent_id(webhook_id: int, body: bytes) -> str:
    """Derive the id of a body that is sent by hand: equal bytes for one webhook have one id.

    It begins with "msg_hand_", as no delivery's does.
    """
    digest = hashlib.sha256(b"%d\0%s" % (webhook_id, body)).digest()
    return "msg_hand_" + _padded_base58(digest[:16])


def new_code(random_bytes: Callable[[int], bytes]) -> str:
    """Make a secret that is typed or copied once: 128 random bits in 22 characters."""
    return _padded_base58(random_bytes(16))


def _hashed_id(facts: bytes) -> str:
    return base58(int.from_bytes(hashlib.sha256(facts).digest()[:8], "big"))


def _padded_base58(data: bytes) -> str:
    return base58(int.from_bytes(data, "big")).rjust(_DELIVERY_ID_LENGTH, BASE58_ALPHABET[0])
