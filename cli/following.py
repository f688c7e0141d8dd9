"""Lists that go on: what to do between two looks into the store."""

from __future__ import annotations

import time
from collections.abc import Iterator

from cli.context import Context

EVERY_S = 0.25


def looks(context: Context) -> Iterator[None]:
    """One look after the other, until Ctrl+C; what was shown before is handed over first."""
    while True:
        context.out.flush()
        time.sleep(EVERY_S)
        yield
