"""Sizes of a store and of the free disk."""

from __future__ import annotations

import shutil
from pathlib import Path


def store_bytes(path: Path) -> int:
    """Return the bytes of the database and of its write-ahead log."""
    files = (path, path.with_name(f"{path.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def free_bytes(path: Path) -> int:
    """Return the free bytes of the disk that holds the store."""
    return shutil.disk_usage(path.parent).free
