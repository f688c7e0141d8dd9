"""A store in a real file, as the worker's tests need it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from delivery import connection
from tests.support.running_worker import opened_desk
from tests.support.stores import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A new store with short words for what is done to it; its clock shows the time of now."""
    with opened_desk(tmp_path / "home" / "tocsin.db") as opened:
        yield opened


@pytest.fixture(autouse=True)
def connections_rest_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a kept connection be used again however long the machine is busy between two requests."""
    monkeypatch.setattr(connection, "KEEP_ALIVE_S", 600.0)
