"""Fixtures of the tests of commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.program import Tocsin
from tests.support.program_store import access_of, free_locks


@pytest.fixture(autouse=True)
def no_lock_is_left() -> Iterator[None]:
    """A worker that a test pretended to be holds the sending lock no longer than the test."""
    yield
    free_locks()


@pytest.fixture
def made(tocsin: Tocsin) -> None:
    """Make the store, so that no command of the test says that it made one."""
    with access_of(tocsin):
        pass
