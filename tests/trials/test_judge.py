"""The judge of the trials must see every breach of the laws."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from tests.support.receiver_client import Request
from tests.trials.rig import judge

ORDER = ["e1", "e2", "e3", "e4"]


def request(place: int, delivery: str, *ids: str, status: int | None = 200) -> Request:
    return Request(
        connection=1,
        method="POST",
        path="/",
        number=place,
        headers=(("webhook-id", delivery),),
        started_ns=place * 10,
        ended_ns=place * 10 + 5,
        status=status,
        sha256=hashlib.sha256("".join(ids).encode()).hexdigest(),
        size=0,
        ids=ids,
        body=b"",
    )


SOUND = [
    request(0, "a", "e1", "e2", status=503),
    request(1, "a", "e1", "e2", status=None),
    request(2, "a", "e1", "e2"),
    request(3, "a", "e1", "e2"),
    request(4, "b", "e3", "e4"),
]


def test_retries_and_a_repeat_are_sound() -> None:
    verdict = judge(SOUND, ORDER)
    assert verdict.sound
    assert (verdict.attempts, verdict.taken_again) == (5, 1)


@pytest.mark.parametrize(
    ("breach", "requests"),
    [
        ("lost", SOUND[:4]),
        ("lost", [*SOUND[:4], request(4, "b", "e3", "e4", status=302)]),
        ("reordered", [request(0, "b", "e3", "e4"), request(1, "a", "e1", "e2")]),
        ("reordered", [request(0, "a", "e2", "e1"), request(1, "b", "e3", "e4")]),
        ("unexpected", [*SOUND, request(5, "c", "e5")]),
        ("changed", [*SOUND[:3], request(3, "a", "e1", "e2", "e3"), request(4, "b", "e3", "e4")]),
        ("in_two_deliveries", [*SOUND[:4], request(4, "b", "e2", "e3", "e4")]),
        ("torn_apart", [*SOUND, request(5, "a", "e1", "e2")]),
        ("overlapping", [replace(SOUND[0], ended_ns=11), *SOUND[1:]]),
        ("overlapping", [replace(SOUND[0], ended_ns=None), *SOUND[1:]]),
    ],
)
def test_a_breach_is_seen(breach: str, requests: list[Request]) -> None:
    verdict = judge(requests, ORDER)
    assert getattr(verdict, breach)
    assert not verdict.sound
