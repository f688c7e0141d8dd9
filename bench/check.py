"""The delivery check: each body that a receiver got is compared with what was queued."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Mapping, Sequence

from bench.events import EventFile

Bodies = Sequence[tuple[int, str]]
"""The length and SHA-256 of each body, in the order in which they came."""


def faults(data: EventFile, received: Mapping[str, Bodies], urls: Sequence[str]) -> list[str]:
    """Sentences about what is wrong with the bodies that each URL got; none if nothing is.

    Each of the URLs must have got every event of the file once, in the order of the file, in bodies
    that are lists of these very bytes. Since every byte is compared, by SHA-256, an event that is
    lost, doubled, out of order or changed is a fault, and so is a body that is no list.
    """
    strangers = [f"{url}: nothing was to be sent there" for url in received if url not in urls]
    found = [fault for url in urls for fault in _faults_of(data, url, received.get(url, ()))]
    if not data.is_sound:
        found.insert(0, f"{data.path.name}: an event is no JSON, or two have one id")
    return strangers + found


def _faults_of(data: EventFile, url: str, bodies: Bodies) -> list[str]:
    at = 0
    seen: set[str] = set()
    for number, (length, sha256) in enumerate(bodies, 1):
        count = _count(data, at, length)
        if count and sha256 == body_sha256(data, at, count):
            at += count
            seen.add(sha256)
            continue
        what = "was sent twice" if sha256 in seen else f"is not the list that begins at event {at}"
        return [f"{url}: body {number} of {length} bytes {what}"]
    if at < data.count:
        return [f"{url}: {data.count - at} of {data.count} events are lost, from event {at} on"]
    return []


def _count(data: EventFile, at: int, length: int) -> int:
    """The number of events from this one on whose list has this length; 0 if there is none."""
    end = data.ends[at] + length - 1
    index = bisect_left(data.ends, end, lo=at)
    return index - at if index <= data.count and data.ends[index] == end else 0


def body_sha256(data: EventFile, at: int, count: int) -> str:
    """The SHA-256 of the list of so many events from this one on."""
    sha256 = hashlib.sha256(b"[")
    sha256.update(memoryview(data.text)[data.ends[at] : data.ends[at + count] - 1])
    sha256.update(b"]")
    return sha256.hexdigest()
