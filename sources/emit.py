"""For programs: `emit(event, "/run/tocsin/events.sock")` hands events in to a running Tocsin.

One file that needs the standard library alone: import it where Tocsin is installed, or copy it.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from typing import Any

TIMEOUT_S = 60.0

Event = Mapping[str, Any]


class EmitError(Exception):
    """The events were not taken: `place` says where the fault is, "" where it is not in them.

    `retry_after` are the seconds after which the same may be handed in again; None if it must be
    changed first.
    """

    def __init__(self, reason: str, place: str = "", retry_after: int | None = None) -> None:
        super().__init__(f"{place}: {reason}" if place else reason)
        self.reason = reason
        self.place = place
        self.retry_after = retry_after


def emit(events: Event | Sequence[Event], path: str, timeout: float = TIMEOUT_S) -> dict[str, int]:
    """Hand in one event or a list, all or nothing; when this returns they are on disk.

    Returns how many were "accepted" and how many "repeated". Raises EmitError; OSError where the
    socket does not answer: then hand in the same again, with the same ids.
    """
    with Emitter(path, timeout) as emitter:
        return emitter.emit(events)


class Emitter:
    """A connection for many events, which is used by one thread at a time."""

    def __init__(self, path: str, timeout: float = TIMEOUT_S) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(path)
        except BaseException:
            self._socket.close()
            raise
        self._answers = self._socket.makefile("rb")

    def __enter__(self) -> Emitter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def emit(self, events: Event | Sequence[Event]) -> dict[str, int]:
        """Hand in one event or a list, as `emit` does."""
        return self.emit_text(json.dumps(events).encode())

    def emit_text(self, text: bytes) -> dict[str, int]:
        """The same of events that are JSON already, without a line's end in it."""
        try:
            self._socket.sendall(text + b"\n")
        except ConnectionError as error:
            answer = self._answers.readline()  # why it was closed, if it says so
            if not answer:
                raise error
        else:
            answer = self._answers.readline()
        if not answer.endswith(b"\n"):
            raise ConnectionError("the connection was closed before the answer came")
        return _counts(json.loads(answer))

    def close(self) -> None:
        """Close the connection."""
        self._answers.close()
        self._socket.close()


def _counts(answer: dict[str, Any]) -> dict[str, int]:
    if "error" in answer:
        raise EmitError(answer["error"], answer.get("place", ""), answer.get("retry_after"))
    return answer
