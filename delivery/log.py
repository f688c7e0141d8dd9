"""What the worker says, and how a bug is named in it."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import PurePath


def unfailing(log: Callable[[str], None]) -> Callable[[str], None]:
    """A log that loses a line rather than raise: no outcome is lost because nobody listens."""

    def say(line: str) -> None:
        with suppress(Exception):
            log(line)

    return say


def place_of(error: BaseException) -> str:
    """Class and place of an unforeseen error; not its message, which may quote a header."""
    frames = traceback.extract_tb(error.__traceback__)
    known = [frame for frame in frames if not frame.filename.startswith("<")]
    if not known:
        return type(error).__name__
    return f"{type(error).__name__} at {PurePath(known[-1].filename).name}:{known[-1].lineno}"
