"""A store in a real file, opened for the test and closed after it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.database import Store
from store.workers import SendingLock
from tests.support.stores import Desk, new_store


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    """Path of the store of this test."""
    return tmp_path / "home" / "tocsin.db"


@pytest.fixture
def store(store_path: Path) -> Iterator[Store]:
    """A new store."""
    opened = new_store(store_path)
    yield opened
    opened.close()


@pytest.fixture
def desk(store: Store) -> Desk:
    """A new store with short words for what is done to it."""
    return Desk(store)


@pytest.fixture
def sending(store: Store) -> Iterator[SendingLock]:
    """The sending lock of the store, held as by a worker that sends."""
    lock = SendingLock(store.path)
    assert lock.acquire()
    yield lock
    lock.release()
