"""The handler behind every way in: what it reads at one time."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from domain import event_input
from sources import intake as intakes
from sources.intake import Inlet, Intake
from store import sources
from store.database import Store
from tests.support.stores import ACTOR, NOW

WAIT_S = 0.3


def test_large_texts_are_read_one_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.call(sources.add, "socket", "socket", {}, ACTOR, NOW)
    intake = Intake(Inlet("socket", store, lambda: NOW, on_appended=lambda: None), lambda: 7)
    together = threading.Barrier(2, timeout=WAIT_S)
    met: list[int] = []
    read_text = event_input.read_text

    def read(*args: Any, **more: Any) -> Any:
        try:
            met.append(together.wait())
        except threading.BrokenBarrierError:
            together.reset()
        return read_text(*args, **more)

    async def run() -> None:
        texts = [b'{"type":"alerts","id":"e%d","attributes":{}}' % number for number in range(2)]
        receipts = await asyncio.gather(*(intake.take(text, text) for text in texts))
        assert [one.accepted for one in receipts] == [1, 1]

    monkeypatch.setattr(intakes, "read_text", read)
    monkeypatch.setattr(intakes, "LARGE_BYTES", 0)
    asyncio.run(run())
    assert not met, "two were read at the same time"
