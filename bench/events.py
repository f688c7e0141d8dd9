"""Made-up `endpoint_stats` events as WireGuard hosts give them, about 370 bytes each."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

LETTERS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
ENDPOINTS = 500
ID_RANDOM = 5
ID_SERIAL = 6


def events(count: int, *, seed: int = 1) -> Iterator[bytes]:
    """Compact JSON, one event each; the same seed gives the same bytes. Ids are unique."""
    dice = random.Random(seed)
    endpoints = [_endpoint(dice) for _ in range(ENDPOINTS)]
    for serial in range(count):
        endpoint, address = dice.choice(endpoints)
        event = {
            "type": "endpoint_stats",
            "id": _word(dice, ID_RANDOM) + f"{serial:0{ID_SERIAL}d}",
            "attributes": _attributes(dice, serial, address),
            "relationships": {"endpoint": {"data": {"type": "endpoints", "id": endpoint}}},
        }
        yield json.dumps(event, separators=(",", ":")).encode()


def _endpoint(dice: random.Random) -> tuple[str, str]:
    return _word(dice, 11), ".".join(str(dice.randint(1, 254)) for _ in range(4))


def _attributes(dice: random.Random, serial: int, address: str) -> dict[str, object]:
    second = serial // 50
    return {
        "created": _time(second + 200),
        "handshake": _time(second + 200 - dice.randint(0, 120)),
        "ip": address,
        "port": dice.randint(1024, 65535),
        "rx_delta": dice.randint(0, 99_999),
        "rx_total": dice.randint(10**7, 10**9),
        "tx_delta": dice.randint(0, 99_999),
        "tx_total": dice.randint(10**7, 10**9),
        "interface": _word(dice, 43) + "=",
    }


def _time(second: int) -> str:
    minute, second = divmod(second, 60)
    hour, minute = divmod(minute, 60)
    return f"2026-11-{1 + hour // 24:02d}T{hour % 24:02d}:{minute:02d}:{second:02d}Z"


def _word(dice: random.Random, length: int) -> str:
    return "".join(dice.choices(LETTERS, k=length))
