"""A store in a real file, and a receiver that keeps no bodies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.receiver_client import Receiver, running_receiver
from tests.support.running_worker import opened_desk
from tests.support.stores import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A new store with short words for what is done to it; its clock shows the time of now."""
    with opened_desk(tmp_path / "home" / "tocsin.db") as opened:
        yield opened


@pytest.fixture
def lean_receiver() -> Iterator[Receiver]:
    """A receiver that keeps no bodies."""
    with running_receiver("--lean") as receiver:
        yield receiver
