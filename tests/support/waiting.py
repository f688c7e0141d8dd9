"""Waiting for what another process or thread does, where it gives no signal."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 60.0
"""Longest wait: a machine that is busy with other things may be ten times slower than usual."""


def eventually(
    condition: Callable[[], object], what: str = "", seconds: float = PATIENCE_S
) -> None:
    """Wait until a condition holds; fail the test if it takes too long."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, f"did not come about within {seconds:.0f} s: {what}"
        time.sleep(0.01)


def eventually_is(wanted: object, read: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """Wait until what is read is as wanted; fail the test with what was read last."""
    last: list[object] = []

    def is_there() -> bool:
        last[:] = [read()]
        return last == [wanted]

    try:
        eventually(is_there, seconds=seconds)
    except AssertionError:
        assert last == [wanted]  # which shows both
