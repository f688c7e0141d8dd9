"""What every test of the screens starts from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.database import open_store
from tests.tui.helpers import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A new store and its clock."""
    store = open_store(tmp_path / "home" / "tocsin.db")
    yield Bench(store)
    store.close()
