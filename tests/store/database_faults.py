"""Fixtures and helpers of the tests of refusals."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from store.database import open_store
from store.errors import StoreUnavailable


def refusal(path: Path, *, create: bool = True, migrate: bool = False) -> str:
    """The sentence with which the store at `path` is refused."""
    with pytest.raises(StoreUnavailable) as caught:
        open_store(path, create=create, migrate=migrate)
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text
    return text


def set_version(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.execute(f"PRAGMA user_version = {version}")
