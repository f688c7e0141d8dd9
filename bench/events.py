"""Made-up `endpoint_stats` events as WireGuard hosts give them, about 370 bytes each."""

from __future__ import annotations

import json
import random
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path

LETTERS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
ENDPOINTS = 500
ID_RANDOM = 5
ID_SERIAL = 7
WORDS = 4_096
EVENTS_A_SECOND = 50


def events(count: int, *, seed: int = 1) -> Iterator[bytes]:
    """Compact JSON, one event each, created from now on. Ids are unique, with other seeds too."""
    dice = random.Random(seed)
    endpoints = [_endpoint(dice) for _ in range(ENDPOINTS)]
    words = [_word(dice, ID_RANDOM) for _ in range(WORDS)]
    interfaces = [_word(dice, 43) for _ in range(WORDS)]
    began_s = int(time.time())
    for serial in range(count):
        number = dice.getrandbits(62)
        endpoint, address = endpoints[number % ENDPOINTS]
        second = began_s + serial // EVENTS_A_SECOND
        yield (
            f'{{"type":"endpoint_stats","id":"{words[number % WORDS]}{serial:0{ID_SERIAL}d}",'
            f'"attributes":{{"created":"{_time(second)}",'
            f'"handshake":"{_time(second - number % 121)}","ip":"{address}",'
            f'"port":{1_024 + number % 64_511},"rx_delta":{number % 100_003},'
            f'"rx_total":{10**7 + number % 990_000_011},"tx_delta":{number % 99_991},'
            f'"tx_total":{10**7 + number % 990_000_017},'
            f'"interface":"{interfaces[number % WORDS]}="}},"relationships":{{"endpoint":'
            f'{{"data":{{"type":"endpoints","id":"{endpoint}"}}}}}}}}'
        ).encode()


@dataclass(frozen=True)
class EventFile:
    """A file of JSON lines, and where each of its events ends."""

    path: Path
    count: int

    @cached_property
    def text(self) -> bytes:
        """The events as they stand in a body, with commas between them and one at the end."""
        return self.path.read_bytes().replace(b"\n", b",")

    @cached_property
    def ends(self) -> array[int]:
        """The position behind the comma of each event in `text`, after a 0."""
        ends = array("Q", (0,))
        with self.path.open("rb") as lines:
            for line in lines:
                ends.append(ends[-1] + len(line))
        return ends

    @cached_property
    def is_sound(self) -> bool:
        """True if each event is JSON, and no two have one id."""
        ids: set[str] = set()
        with self.path.open("rb") as lines:
            try:
                ids.update(json.loads(line)["id"] for line in lines)
            except (ValueError, LookupError, TypeError):
                return False
        return len(ids) == self.count

    @property
    def size(self) -> int:
        """Bytes of all events, a comma or a line feed after each."""
        return self.path.stat().st_size


def event_file(folder: Path, count: int, *, seed: int = 1) -> EventFile:
    """The file of so many events in a folder; it is written once."""
    path = folder / f"events-{count}-{seed}.jsonl"
    if not path.exists():
        with path.open("wb") as file:
            file.writelines(line + b"\n" for line in events(count, seed=seed))
    return EventFile(path, count)


def _endpoint(dice: random.Random) -> tuple[str, str]:
    return _word(dice, 11), ".".join(str(dice.randint(1, 254)) for _ in range(4))


@cache
def _time(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _word(dice: random.Random, length: int) -> str:
    return "".join(dice.choices(LETTERS, k=length))
