"""Cost of a look at a WireGuard host with many peers."""

from __future__ import annotations

import hashlib
import json
import statistics
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bench.results import Figure, Run
from sources.geo import Location
from sources.wireguard.dump import parse_dump
from sources.wireguard.events import DeriveTerms, HostNames
from sources.wireguard.snapshot import Snapshot, decode_state, encode_state
from sources.wireguard.source import derive

PEERS = 10_000
CHANGED = PEERS // 10
LOOKS = 15
GOAL_MS = 150
GOAL_MB = 60
STAGES = ("decode", "parse", "derive", "encode")
START_MS = 1_795_502_100_000
EVERY_MS = 30_000

_T = TypeVar("_T")


def measure(run: Run) -> None:
    """The processor time of each stage of a look, and the memory that looks need."""
    command = [sys.executable, "-m", "bench.derive"]
    taken = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    total = sum(taken[stage] for stage in STAGES)
    run.add(
        [
            *(Figure(f"{stage}, processor time", "ms", (taken[stage],)) for stage in STAGES),
            Figure("a look in all, processor time", "ms", (total,), at_most=GOAL_MS),
            Figure("state", "MB", (taken["state"],)),
            Figure("memory more than with no peers", "MB", (taken["more"],), at_most=GOAL_MB),
        ],
        f"{CHANGED:,} with a handshake, half of these roamed; median of {LOOKS} looks, "
        f"{taken['events']:,.0f} events each",
    )


def _key(number: int) -> str:
    return b64encode(hashlib.sha256(str(number).encode()).digest()).decode()


KEYS = [_key(number) for number in range(PEERS)]


def _dump(look: int, peers: int) -> str:
    """The dump at a look: every peer is busy, a tenth of them made a handshake since the last."""
    lines = [f"wg0\t{KEYS[0]}\t{KEYS[0]}\t51820\toff"]
    for number in range(peers):
        handshakes = (look + 9 - number % 10) // 10
        place = handshakes if number % 20 < 10 else 0
        bytes_ = 10_000 * look + number
        lines.append(
            f"wg0\t{KEYS[number]}\t(none)\t198.{18 + place}.{number // 250}.{number % 250}:51820"
            f"\t10.{number // 250}.{number % 250}.1/32\t{1_795_000_000 + 120 * handshakes}"
            f"\t{bytes_}\t{bytes_}\t25"
        )
    return "\n".join(lines) + "\n"


def _somewhere(ip: str) -> Location:
    return Location("NL", "Netherlands", 64_496 + len(ip), "Example")


class _Clock:
    """Processor time by stage, in milliseconds."""

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = {stage: [] for stage in STAGES}

    def time(self, stage: str, work: Callable[..., _T], *given: object) -> _T:
        started = time.process_time()
        result = work(*given)
        self.taken[stage].append((time.process_time() - started) * 1000)
        return result


def looks(peers: int, count: int, clock: _Clock | None = None) -> tuple[bytes, list[int]]:
    """Look so often; the last state, and the number of events of each look."""
    clock = clock or _Clock()
    names = HostNames("gateway", {key: f"peer {number}" for number, key in enumerate(KEYS)})
    terms = DeriveTerms(user="somebody", names=names, locate=_somewhere)
    state: bytes | None = None
    events: list[int] = []
    for look in range(count):
        text = _dump(look, peers)
        previous = clock.time("decode", decode_state, state) if state else None
        now = clock.time("parse", _parsed, text, look)
        derived = clock.time("derive", derive, previous, now, terms)
        state = clock.time("encode", encode_state, derived.state)
        events.append(len(derived.events))
        del previous, now, derived, text  # as nothing is kept between looks
    assert state is not None
    return state, events


def _parsed(text: str, look: int) -> Snapshot:
    at_ms = START_MS + look * EVERY_MS
    return parse_dump(text, host="gateway", read_at_ms=at_ms, ifindex=lambda _: 5)


def _peak_mb() -> float:
    """Of this process; getrusage would count the parent that it was forked from."""
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(line for line in lines if line.startswith("VmHWM"))
    return int(peak.split()[1]) * 1024 / 1e6


def main() -> None:
    """In a process of its own: print what was taken as JSON."""
    looks(10, 2)
    before = _peak_mb()
    clock = _Clock()
    state, events = looks(PEERS, LOOKS + 1, clock)
    taken = {stage: statistics.median(times[-LOOKS:]) for stage, times in clock.taken.items()}
    more = {"state": len(state) / 1e6, "more": _peak_mb() - before}
    print(json.dumps(taken | more | {"events": statistics.median(events[1:])}))


if __name__ == "__main__":
    main()
