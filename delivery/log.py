"""Log of a worker: lines that never fail, and bugs named by their location.

Apart, since worker, dispatcher and sender write to it.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import PurePath


def never_raising(log: Callable[[str], None]) -> Callable[[str], None]:
    """Return a log that loses a line rather than raise: no outcome depends on the log's reader."""

    def say(line: str) -> None:
        with suppress(Exception):
            log(line)

    return say


def location_of(error: BaseException) -> str:
    """Return class and location of an unforeseen error; its message may hold a header."""
    frames = traceback.extract_tb(error.__traceback__)
    known = [frame for frame in frames if not frame.filename.startswith("<")]
    if not known:
        return type(error).__name__
    return f"{type(error).__name__} at {PurePath(known[-1].filename).name}:{known[-1].lineno}"
