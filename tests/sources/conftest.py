"""A store in a real file, as sources need it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.database import Store
from tests.support.stores import new_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A new store."""
    opened = new_store(tmp_path / "home" / "tocsin.db")
    yield opened
    opened.close()
