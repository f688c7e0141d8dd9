"""Asks whether a Tocsin listens at a socket."""

from __future__ import annotations

from sources.emit import Emitter


def answers(path: str) -> bool:
    """Whether a connection is taken there."""
    try:
        Emitter(path).close()
    except OSError:
        return False
    return True
