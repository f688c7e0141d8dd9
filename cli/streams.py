"""The three standard streams, also where whoever started this program closed one."""

from __future__ import annotations

import os
import sys
from typing import TextIO


def standard_streams() -> tuple[TextIO, TextIO, TextIO | None]:
    """stdout, stderr and stdin; in the place of a closed one stands what swallows all.

    A closed stdin is None, since to read nothing from it would be mistaken for an empty input.
    """
    closed_input = sys.stdin is None
    for descriptor in range(3):
        _fill(descriptor)
    sys.stdin = sys.stdin or os.fdopen(0, "r", closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
    return sys.stdout, sys.stderr, None if closed_input else sys.stdin


def _fill(descriptor: int) -> None:
    """Let no file that is opened later, such as the store, get the number of a standard stream."""
    try:
        os.fstat(descriptor)
    except OSError:
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
