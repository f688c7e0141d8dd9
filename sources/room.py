"""Whether there is room on the disk for more events."""

from __future__ import annotations

from pathlib import Path

from sources.base import SourceError
from store.files import free_bytes


def check_disk(store: Path, least_bytes: int) -> None:
    """Raise SourceError where less than `least_bytes` are free beside the store."""
    if free_bytes(store) < least_bytes:
        raise SourceError(
            f"waiting: less than min_free_disk ({least_bytes // 1_000_000} MB) is free where "
            "the store is",
            "free some disk space",
        )
