"""A store in a real file, as the worker's tests need it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.running_worker import opened_desk
from tests.support.stores import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A new store with short words for what is done to it; its clock shows the time of now."""
    with opened_desk(tmp_path / "home" / "tocsin.db") as opened:
        yield opened
