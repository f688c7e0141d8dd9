"""A store in a real file, as sources need it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sources import polling
from store.database import Store
from tests.support.stores import new_store
from tests.support.waiting import PATIENCE_S


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A new store."""
    opened = new_store(tmp_path / "home" / "tocsin.db")
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def polls_under_way_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a poll that was begun before the stop end, however busy the machine is."""
    monkeypatch.setattr(polling, "STOP_PATIENCE_S", PATIENCE_S)
